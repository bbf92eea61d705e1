"""The public keys of the operator's issuer: fetched when they are needed, kept for a while, never asked for too often.

What lives here: when the issuer is asked. Whoever shows a token with an unknown key has it asked at most once a minute
in each process, so that strangers cannot flood it through us. It must not know tokens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from deliveries.conf import conf
from deliveries.errors import Unavailable
from deliveries.metrics import names
from deliveries.outbound.client import fetch_document
from deliveries.protocol.who.bearer_tokens import Keys, read_keys

log = structlog.get_logger(__name__)

KEPT_SECONDS = 600.0  # then they are fetched anew: a key that the issuer took back ends within that time
STALE_SECONDS = 3600.0  # as long they are used while the issuer is away
AGAIN_SECONDS = 60.0  # after an answer, before it is asked for an unknown key
AFTER_FAILURE_SECONDS = 15.0
FETCH_SECONDS = 5.0
LIMIT_BYTES = 128 * 1024
AWAY = "the keys of the token issuer cannot be had at the moment"


class IssuerKeys:
    """The keys of one issuer in this process."""

    def __init__(self, fetch: Callable[[], bytes], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._monotonic = fetch, monotonic
        self._keys: Keys = {}
        self._fetched_at = self._not_before = float("-inf")
        self._fetching = threading.Lock()

    def find(self, key_id: str) -> object | None:
        """Return a key by its id, or the only one where a token names none; raises Unavailable without any keys."""
        if self._wants_fetch(key_id):
            # Without keys all wait for the one that fetches; with some, who does not find its key is told so.
            with_none = self._age() > STALE_SECONDS
            if self._fetching.acquire(blocking=with_none):
                try:
                    if self._wants_fetch(key_id):
                        self._renew()
                finally:
                    self._fetching.release()
        if self._age() > STALE_SECONDS:
            raise Unavailable(AWAY)
        return self._lookup(key_id)

    def _wants_fetch(self, key_id: str) -> bool:
        is_unknown = self._lookup(key_id) is None
        return (is_unknown or self._age() > KEPT_SECONDS) and self._monotonic() >= self._not_before

    def _lookup(self, key_id: str) -> object | None:
        if not key_id and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    def _renew(self) -> None:
        try:
            keys = read_keys(self._fetch())
        except (Unavailable, ValueError, RecursionError) as error:
            self._not_before = self._monotonic() + AFTER_FAILURE_SECONDS
            names.ISSUER_FAILURES.add()
            log.warning("issuer_keys_not_fetched", error=str(error)[:300])
            return
        now = self._monotonic()
        self._keys, self._fetched_at, self._not_before = keys, now, now + AGAIN_SECONDS


def _fetched() -> bytes:
    return fetch_document(conf.jwt_jwks_url, timeout_seconds=FETCH_SECONDS, limit_bytes=LIMIT_BYTES)


issuer_keys = IssuerKeys(_fetched)
