"""The provider that staff log in by, asked: what it says of itself, for its keys, and for a token.

What lives here: requests to it, guarded and bounded as all that leave. What it says of itself is kept for ten minutes
in each process, and used for an hour while it is away. It must not know browsers or staff.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from joserfc.jwk import Key

from deliveries.conf import conf
from deliveries.errors import LogInRefused, TokenRefused, Unavailable
from deliveries.outbound.client import fetch_document, new_transfers, prepared_form, send_one
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.sending.access_tokens import client_of
from deliveries.protocol.sending.credentials import CHARACTERS_OF_A_TOKEN
from deliveries.protocol.who.bearer_tokens import key_id_of
from deliveries.protocol.who.id_tokens import LONGEST, IdTokenRules, read_id_token
from deliveries.protocol.who.log_in_refusals import Refusal
from deliveries.protocol.who.open_id import ERRORS, WELL_KNOWN, PendingLogIn, Provider, read_provider
from deliveries.protocol.who.staff_claims import has_claim
from deliveries.services.common import clock
from deliveries.services.people.issuer_keys import AFTER_FAILURE_SECONDS, KEPT_SECONDS, STALE_SECONDS, IssuerKeys

log = structlog.get_logger(__name__)

ASK_SECONDS = 5.0
LIMIT_BYTES = 256 * 1024
PLACES = 4  # of log-ins that ask the provider at once, so that a slow one takes no more threads of a process
WAIT_SECONDS = 2.0  # for a place, or for whoever asks the provider already

_places = threading.BoundedSemaphore(PLACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What the provider says of whoever logs in, and the token in which it does."""

    claims: Mapping[str, object]
    token: str = field(repr=False)


class KnownProvider:
    """What the provider says of itself, in this process."""

    def __init__(self, fetch: Callable[[], bytes], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._monotonic = fetch, monotonic
        self._kept: Provider | None = None
        self._kept_at = self._not_before = float("-inf")
        self._refusal = LogInRefused(Refusal.AWAY)
        self._asking = threading.Lock()

    def find(self) -> Provider:
        """Return the provider; raises LogInRefused while it is away and nothing is kept."""
        if self._wants_fetch() and self._asking.acquire(timeout=WAIT_SECONDS):
            try:
                if self._wants_fetch():
                    self._renew()
            finally:
                self._asking.release()
        if self._kept is None or self._age() > STALE_SECONDS:
            raise LogInRefused(self._refusal.reason, self._refusal.detail)
        return self._kept

    def _wants_fetch(self) -> bool:
        return (self._kept is None or self._age() > KEPT_SECONDS) and self._monotonic() >= self._not_before

    def _age(self) -> float:
        return self._monotonic() - self._kept_at

    def _renew(self) -> None:
        try:
            self._kept = read_provider(self._fetch(), issuer=conf.oidc_issuer)
            self._kept_at = self._monotonic()
        except Unavailable as error:
            self._fail(Refusal.AWAY, error)
        except (ValueError, RecursionError) as error:
            self._fail(Refusal.NOT_UNDERSTOOD, error)

    def _fail(self, reason: Refusal, error: Exception) -> None:
        self._not_before = self._monotonic() + AFTER_FAILURE_SECONDS
        self._refusal = LogInRefused(reason, str(error)[:300])
        log.warning("oidc_provider_not_known", error=self._refusal.detail)


def _fetched(url: str, *, bearer: str = "") -> bytes:
    return fetch_document(url, timeout_seconds=ASK_SECONDS, limit_bytes=LIMIT_BYTES, bearer=bearer)


known = KnownProvider(lambda: _fetched(f"{conf.oidc_issuer.rstrip('/')}{WELL_KNOWN}"))
keys = IssuerKeys(lambda: _fetched(find_provider().keys_url))


def is_wanted() -> bool:
    """Say whether staff log in by a provider at all."""
    return bool(conf.oidc_issuer)


def find_provider() -> Provider:
    """Return what the provider says of itself; raises LogInRefused while it is away and nothing is kept."""
    return known.find()


def vouched(code: str, begun: PendingLogIn, *, back_to: str) -> Vouched:
    """Return what the provider says of whoever came back with this code; raises LogInRefused."""
    with _place():
        provider = find_provider()
        token, access = _tokens(provider, code, begun, back_to)
        claims = _claims(token, begun)
        if has_claim(claims, conf.oidc_role_claim) is None and provider.user_info_url and access:
            claims = {**_user_info(provider, access, subject=claims["sub"]), **claims}
        return Vouched(claims=claims, token=token)


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise LogInRefused(Refusal.BUSY)
    try:
        yield
    finally:
        _places.release()


def _tokens(provider: Provider, code: str, begun: PendingLogIn, back_to: str) -> tuple[str, str]:
    """Return the ID token and the access token for a code."""
    client = {"client_id": conf.oidc_client_id, "client_secret": conf.oidc_client_secret}
    by_basic = conf.oidc_client_auth == "basic" and bool(conf.oidc_client_secret)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": back_to}
    fields |= {"code_verifier": begun.verifier}
    if not by_basic:
        fields |= {name: value for name, value in client.items() if value}
    request = prepared_form(
        provider.token_url,
        fields,
        [("user-agent", "Hookpost"), ("accept", "application/json")],
        client=client_of(client) if by_basic else None,
    )
    with new_transfers(body_limit_bytes=LIMIT_BYTES, to_endpoints=False) as transfers:
        answer = send_one(request, timeout_seconds=ASK_SECONDS, transfers=transfers)
    return _read_tokens(answer)


def _read_tokens(answer: Answer) -> tuple[str, str]:
    if answer.error or answer.status >= 500:
        detail = f"{answer.error or answer.status} {answer.detail}".rstrip()
        raise LogInRefused(Refusal.AWAY, f"the token endpoint: {detail}")
    said = _members(answer.body)
    if answer.status != 200:
        word = error if isinstance(error := said.get("error"), str) and error in ERRORS else ""
        reason = Refusal.STALE if word == "invalid_grant" else Refusal.BY_PROVIDER
        raise LogInRefused(reason, f"the token endpoint answered {answer.status} {word}".rstrip())
    token, access = said.get("id_token"), said.get("access_token")
    if answer.truncated or not isinstance(token, str) or not 1 <= len(token) <= LONGEST:
        raise LogInRefused(Refusal.NOT_UNDERSTOOD, "the token endpoint gave no id_token")
    usable = isinstance(access, str) and CHARACTERS_OF_A_TOKEN.fullmatch(access) and len(access) <= LONGEST
    return token, str(access) if usable else ""


def _claims(token: str, begun: PendingLogIn) -> Mapping[str, object]:
    rules = IdTokenRules(issuer=conf.oidc_issuer, client_id=conf.oidc_client_id, nonce=begun.nonce)
    try:
        return read_id_token(token, _key_of(token), rules, now=clock.likely_now().timestamp())
    except TokenRefused as error:
        raise LogInRefused(Refusal.NOT_RIGHT, f"the ID token: {error}") from error
    except Unavailable as error:
        raise LogInRefused(Refusal.AWAY, str(error)) from error


def _key_of(token: str) -> Key:
    key = keys.find(key_id_of(token))
    if not isinstance(key, Key):
        raise TokenRefused("it is signed by no key of the provider")
    return key


def _user_info(provider: Provider, access: str, *, subject: object) -> Mapping[str, object]:
    try:
        said = _members(_fetched(provider.user_info_url, bearer=access))
    except Unavailable as error:
        raise LogInRefused(Refusal.AWAY, str(error)) from error
    if said.get("sub") != subject:
        raise LogInRefused(Refusal.NOT_RIGHT, "what it says of the user is about somebody else")
    return said


def _members(body: bytes) -> Mapping[str, object]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
