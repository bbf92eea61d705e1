"""Access tokens of lanes whose endpoints want OAuth2: taken from the table, or fetched while the lane waits.

A token is asked for over the same multi as deliveries: that takes a slot and no thread, has a deadline, and what comes
back is bounded like any answer (ADR 31). What lives here: which lane waits for which request and what comes of it.
It must not know other lanes, nor judge what a failure means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit
from uuid import UUID

from django.db import IntegrityError
from django.db.models.functions import Now

from deliveries.engine.database_retry import Retry
from deliveries.engine.lane import Lane
from deliveries.engine.leased_endpoint import NOT_YET, LeasedEndpoint
from deliveries.engine.locked_rows import unless_locked
from deliveries.engine.phases import Phase
from deliveries.engine.work import Claimed, Sent
from deliveries.errors import CannotDecrypt
from deliveries.models import AccessToken
from deliveries.models.keyring import seal, unseal
from deliveries.outbound.client import prepared_form
from deliveries.outbound.multi import Transfers
from deliveries.outbound.options import ClientTls
from deliveries.outbound.results import UNSENT
from deliveries.protocol.answers.answer import Answer, words_to_hide
from deliveries.protocol.sending.access_tokens import FetchedToken, client_of, fingerprint_of, read_token, token_fields
from deliveries.protocol.sending.credentials import Auth

FETCH_SECONDS = 10.0
USER_AGENT = "Hookpost"


@dataclass(slots=True, kw_only=True)
class TokenRequest:
    """A request for a token, and what waits for it: the first of these failed if it fails."""

    lane: Lane
    auth: Auth = field(repr=False)
    waiting: list[Sent]


class Tokens:
    """The requests for tokens of one engine."""

    def __init__(self) -> None:
        self._asked: dict[UUID, TokenRequest] = {}

    def clear(self) -> None:
        """Forget everything that is under way."""
        self._asked.clear()

    def want(self, lane: Lane, sent: Sent, *, transfers: Transfers) -> None:
        """Let a delivery wait for its lane's token, which is asked for once."""
        if asked := self._asked.get(lane.endpoint_id):
            asked.waiting.append(sent)
            return
        auth = lane.endpoint.oauth
        assert auth is not None
        asked = self._asked[lane.endpoint_id] = TokenRequest(lane=lane, auth=auth, waiting=[sent])
        headers = [("user-agent", USER_AGENT), ("accept", "application/json")]
        request = prepared_form(auth["token_url"], token_fields(auth), headers, client=client_of(auth))
        seconds = min(FETCH_SECONDS, lane.endpoint.timeout_seconds)
        transfers.start(request, tag=asked, timeout_seconds=seconds, tls=_tls_for(auth, lane.endpoint))

    def came(self, asked: TokenRequest, answer: Answer, *, retry: Retry) -> Answer | None:
        """Store the token and let its lane go on; returns how the delivery that asked first ends, where none came."""
        self._asked.pop(asked.lane.endpoint_id, None)
        if answer is UNSENT:
            return None  # it is asked for with what is sent next
        if answer.error == "no_socket":
            return answer
        read = read_token(answer)
        if not isinstance(read, FetchedToken):
            detail = read[:300]
            return Answer(error="token_error", detail=detail, duration_ms=answer.duration_ms, phases=answer.phases)
        retry(partial(_store_token, asked, read))
        _give_token(asked, read)
        return None


def _give_token(asked: TokenRequest, token: FetchedToken) -> None:
    """Let the lane go on with a token, unless its credentials were changed meanwhile."""
    lane = asked.lane
    if lane.endpoint.oauth == asked.auth and lane.phase in (Phase.OPEN, Phase.EMPTY):
        lane.use(_with_token(lane.endpoint, token.text, fresh=True))


def _store_token(asked: TokenRequest, token: FetchedToken) -> None:
    """Keep a token for other workers, and for this one's next lease; not of an endpoint that was erased meanwhile."""
    text = json.dumps({"token": token.text, "for": fingerprint_of(asked.auth)})
    endpoint_id = asked.lane.endpoint_id
    kept = {
        "sealed": seal(text.encode(), row_id=endpoint_id),
        "refresh_at": Now() + timedelta(seconds=token.use_seconds),
    }
    with suppress(IntegrityError):
        unless_locked(partial(AccessToken.objects.update_or_create, endpoint_id=endpoint_id, defaults=kept), asked.lane)


def give_stored(lanes: Iterable[Lane]) -> None:
    """Give lanes that want one the tokens that are stored for them and not old; the others ask for one."""
    wanting = {lane.endpoint_id: lane for lane in lanes}
    for row in AccessToken.objects.filter(endpoint_id__in=list(wanting), refresh_at__gt=Now()):
        lane = wanting[row.endpoint_id]
        if text := _opened(row, lane.endpoint.oauth or {}):
            lane.use(_with_token(lane.endpoint, text, fresh=False))


def forget_token(lane: Lane) -> None:
    """Have another token fetched: the receiver refused the stored one."""
    unless_locked(AccessToken.objects.filter(endpoint_id=lane.endpoint_id).delete, lane)
    lane.use(replace(lane.endpoint, problem=NOT_YET))


def is_refused(lane: Lane, claimed: Claimed, answer: Answer) -> bool:
    """Say whether a receiver refuses a token that was stored: that may be revoked, so a new one is tried.

    Never beyond what the schedule has: whoever refuses every token gets no endless row of requests.
    """
    endpoint = lane.endpoint
    if answer.status != 401 or endpoint.oauth is None or endpoint.token_is_fresh:
        return False
    return claimed.attempts < len(endpoint.schedule)


def _opened(row: AccessToken, auth: Auth) -> str:
    try:
        kept = json.loads(unseal(bytes(row.sealed), row_id=row.endpoint_id))
    except (CannotDecrypt, ValueError):
        return ""
    return str(kept["token"]) if kept.get("for") == fingerprint_of(auth) else ""


def _with_token(endpoint: LeasedEndpoint, text: str, *, fresh: bool) -> LeasedEndpoint:
    hidden: Sequence[str] = (*words_to_hide([text]), *endpoint.hidden)
    headers = {**endpoint.headers, "authorization": f"Bearer {text}"}
    return replace(endpoint, headers=headers, hidden=hidden, problem="", token_is_fresh=fresh)


def _tls_for(auth: Auth, endpoint: LeasedEndpoint) -> ClientTls | None:
    """Return the endpoint's certificates where the token URL is at the same host."""
    same = urlsplit(auth["token_url"]).hostname == urlsplit(endpoint.url).hostname
    return endpoint.tls if same else None
