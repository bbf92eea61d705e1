"""What a token endpoint answers, read as an access token or as what is wrong with it.

What lives here: pure reading; whatever the endpoint sends, the outcome is a token or a sentence without anything that
it wrote freely, because it may send our secret back. It must not know requests or rows. Source: RFC 6749, 4.4 and 5.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.sending.credentials import CHARACTERS_OF_A_TOKEN, TOKEN_LIMIT, Auth

UNTOLD_SECONDS = 300.0  # how long a token lives that does not say
LONGEST_SECONDS = 86_400.0
MARGIN_SECONDS = 30.0
# What RFC 6749 lets it say; other words are not repeated.
_ERRORS = frozenset(
    {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}
    | {"invalid_scope", "invalid_target", "server_error", "temporarily_unavailable", "access_denied"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedToken:
    """A token, and for how many seconds it is used before another one is fetched."""

    text: str = field(repr=False)
    use_seconds: float


def read_token(answer: Answer) -> FetchedToken | str:
    """Return the token of an answer, or what is wrong with the answer."""
    if answer.error:
        return f"the token endpoint gave no answer: {answer.error}, {answer.detail}"
    if 300 <= answer.status < 400:
        return f"the token endpoint answered {answer.status}, a redirect, and redirects are not followed"
    members = _members(answer)
    if answer.status != 200:
        told = members.get("error")
        reason = f", {told}" if isinstance(told, str) and told in _ERRORS else ""
        return f"the token endpoint answered {answer.status}{reason}"
    if answer.truncated:
        return "the token endpoint's answer is too large, or ended before it was whole"
    if not members:
        return "the token endpoint answered 200 without a JSON object"
    return _token_of(members)


def token_fields(auth: Auth) -> dict[str, str]:
    """Return the form that asks for a token."""
    asked = {name: auth[name] for name in ("scope", "audience") if auth.get(name)}
    if auth.get("client_auth") == "post":
        asked |= {"client_id": auth["client_id"], "client_secret": auth["client_secret"]}
    return {"grant_type": "client_credentials", **asked}


def client_of(auth: Auth) -> tuple[str, str] | None:
    """Return name and password of the client for Basic, encoded as RFC 6749 2.3.1 says; None: they are in the form."""
    if auth.get("client_auth") == "post":
        return None
    return quote(auth["client_id"], safe=""), quote(auth["client_secret"], safe="")


def fingerprint_of(auth: Auth) -> str:
    """Return what tells for which credentials a token was given."""
    return hashlib.sha256(json.dumps(dict(auth), sort_keys=True).encode()).hexdigest()


def _members(answer: Answer) -> Mapping[str, object]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _token_of(members: Mapping[str, object]) -> FetchedToken | str:
    text, kind = members.get("access_token"), members.get("token_type", "bearer")
    if not isinstance(text, str) or not text or CHARACTERS_OF_A_TOKEN.fullmatch(text) is None:
        return "the token endpoint's answer has no access_token that a header can hold"
    if len(text) > TOKEN_LIMIT:
        return f"the access_token is longer than {TOKEN_LIMIT} characters"
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return "the token endpoint's answer has another token_type than Bearer"
    return FetchedToken(text=text, use_seconds=_use_seconds(members.get("expires_in")))


def _use_seconds(expires_in: object) -> float:
    """Return how long a token is used; what is no number of seconds counts as not told, what is over as at once."""
    try:
        seconds = UNTOLD_SECONDS if isinstance(expires_in, bool) else float(expires_in)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        seconds = UNTOLD_SECONDS
    seconds = min(seconds, LONGEST_SECONDS) if seconds == seconds else UNTOLD_SECONDS  # NaN is not itself
    return max(0.0, seconds - min(MARGIN_SECONDS, seconds / 2))
