"""What the provider that staff log in by says of itself, and the addresses that lead to it and back.

What lives here: reading its configuration, the request for a log-in, and what its answer may be. Random text comes in.
It must not know requests, cookies or staff.
Source: OpenID Connect Discovery 1.0; OpenID Connect Core 1.0, 3.1.2; RFC 7636, PKCE; RFC 9207, issuer identification;
OpenID Connect RP-Initiated Logout 1.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from deliveries.errors import LogInRefused
from deliveries.protocol.who.log_in_refusals import Refusal

WELL_KNOWN = "/.well-known/openid-configuration"
ADDRESS_LIMIT = 2000
CODE_LIMIT = 4096
HINT_LIMIT = 4000  # of a token in an address; without it the provider asks whose session it is to end
# What a provider may answer and we repeat; no other words of theirs.
ERRORS = frozenset(
    {"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope"}
    | {"server_error", "temporarily_unavailable", "interaction_required", "login_required"}
    | {"account_selection_required", "consent_required", "invalid_client", "invalid_grant"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where the provider does what; an address is empty where it does not offer it."""

    issuer: str
    authorization_url: str
    token_url: str
    keys_url: str
    user_info_url: str
    end_session_url: str
    names_itself: bool  # in the answer to each log-in


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLogIn:
    """A log-in under way, as the browser that began it keeps it."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    next_path: str


def read_provider(document: bytes, *, issuer: str) -> Provider:
    """Return what a provider says of itself; raises ValueError for what cannot be used."""
    said = json.loads(document)
    if not isinstance(said, dict):
        raise ValueError("its configuration is no JSON object")  # noqa: TRY004
    if said.get("issuer") != issuer:
        raise ValueError(f"it calls itself {str(said.get('issuer'))[:200]!r}, and the setting says {issuer!r}")
    plain = issuer.startswith("http://")
    return Provider(
        issuer=issuer,
        authorization_url=_address(said, "authorization_endpoint", plain=plain),
        token_url=_address(said, "token_endpoint", plain=plain),
        keys_url=_address(said, "jwks_uri", plain=plain),
        user_info_url=_address(said, "userinfo_endpoint", plain=plain, needed=False),
        end_session_url=_address(said, "end_session_endpoint", plain=plain, needed=False),
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
    )


def begin(draw: Callable[[], str], *, next_path: str) -> PendingLogIn:
    """Return a new log-in; `draw` gives random text of 43 to 128 letters, digits, - and _."""
    return PendingLogIn(state=draw(), nonce=draw(), verifier=draw(), next_path=next_path)


def log_in_url(provider: Provider, begun: PendingLogIn, *, client_id: str, scopes: Sequence[str], back_to: str) -> str:
    """Return where the browser goes to log in."""
    digest = hashlib.sha256(begun.verifier.encode()).digest()
    return _with_query(
        provider.authorization_url,
        {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": back_to,
            "scope": " ".join(scopes),
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        },
    )


def log_out_url(provider: Provider, *, client_id: str, token: str, back_to: str) -> str:
    """Return where the browser goes to end the provider's session too."""
    hint = {"id_token_hint": token} if 0 < len(token) <= HINT_LIMIT else {}
    asked = {**hint, "client_id": client_id, "post_logout_redirect_uri": back_to}
    return _with_query(provider.end_session_url, asked)


def code_of(answer: Mapping[str, str], begun: PendingLogIn, provider: Provider) -> str:
    """Return the code with which the browser came back; raises LogInRefused unless it answers what it began."""
    if not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
        raise LogInRefused(Refusal.STALE, "the answer is to another log-in than this browser's last")
    issuer = answer.get("iss", "" if provider.names_itself else provider.issuer)
    if issuer != provider.issuer:
        raise LogInRefused(Refusal.NOT_RIGHT, "the answer is another issuer's")
    if error := answer.get("error", ""):
        word = error if error in ERRORS else "an error of its own"
        raise LogInRefused(Refusal.CANCELLED if word == "access_denied" else Refusal.BY_PROVIDER, word)
    code = answer.get("code", "")
    if not 1 <= len(code) <= CODE_LIMIT or not code.isprintable():
        raise LogInRefused(Refusal.BY_PROVIDER, "its answer has no code")
    return code


def _address(said: Mapping[str, object], name: str, *, plain: bool, needed: bool = True) -> str:
    address = said.get(name)
    if address is None and not needed:
        return ""
    if not isinstance(address, str) or not address.isascii() or not address.isprintable() or " " in address:
        raise ValueError(f"its {name} is no address")
    parts = urlsplit(address)
    if parts.scheme not in ("https", *(("http",) if plain else ())) or not parts.hostname or parts.fragment:
        raise ValueError(f"its {name} is no address with https://")
    if len(address) > ADDRESS_LIMIT or parts.username is not None:
        raise ValueError(f"its {name} is too long, or holds a name")
    return address


def _with_query(address: str, asked: Mapping[str, str]) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"
