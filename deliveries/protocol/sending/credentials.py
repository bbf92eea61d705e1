"""How Hookpost tells a receiver's server who is calling, beside the signature.

What lives here: the kinds of authentication and what their members may hold, as the one declaration that check, API and
form share. It must not know where credentials are kept. Source: RFC 7617, 6750, 6749.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from deliveries.errors import InvalidInput
from deliveries.protocol.writing.sentences import say
from deliveries.protocol.writing.urls import URL_LIMIT

Auth = Mapping[str, str]  # `type`, and the members of that kind

OAUTH2 = "oauth2"
TOKEN_LIMIT = 8192
HINT_CHARACTERS = 4
LONG_ENOUGH_FOR_A_HINT = 20
_ASCII = re.compile(r"[\x20-\x7e]*")
CHARACTERS_OF_A_TOKEN = re.compile(r"[\x21-\x7e]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthMember:
    """One member of a kind; a secret one is written and never shown. `pattern` None: printable characters."""

    name: str
    title: str
    limit: int
    holds: str
    pattern: re.Pattern[str] | None = None
    secret: bool = False
    required: bool = True

    def check(self, value: object) -> str:
        """Return the value, or raise InvalidInput."""
        fits = isinstance(value, str) and len(value) <= self.limit
        fits = fits and (self.pattern.fullmatch(str(value)) is not None if self.pattern else str(value).isprintable())
        if not fits or (self.required and not value):
            least = 1 if self.required else 0
            raise InvalidInput(
                say(
                    "{name} has {least} to {limit} {holds}",
                    name=self.name,
                    least=least,
                    limit=self.limit,
                    holds=self.holds,
                ),
                field="auth",
            )
        return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthKind:
    """A kind of authentication; secrets go with the member that they are `bound_to`, and stay only with it."""

    name: str
    title: str
    members: Sequence[AuthMember]
    bound_to: str = ""


KINDS: Mapping[str, AuthKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            AuthKind(
                name="basic",
                title=say("Basic: a name and a password"),
                members=(
                    AuthMember(
                        name="username",
                        title=say("User name"),
                        limit=255,
                        holds=say("printable characters, and no colon"),
                        pattern=re.compile(r"[^:\x00-\x1f\x7f-\x9f\ud800-\udfff]*"),
                    ),
                    AuthMember(
                        name="password",
                        title=say("Password"),
                        limit=1024,
                        holds=say("printable characters"),
                        secret=True,
                        required=False,
                    ),
                ),
            ),
            AuthKind(
                name="bearer",
                title=say("Bearer: a token"),
                members=(
                    AuthMember(
                        name="token",
                        title=say("Token"),
                        limit=TOKEN_LIMIT,
                        holds=say("visible ASCII characters"),
                        pattern=CHARACTERS_OF_A_TOKEN,
                        secret=True,
                    ),
                ),
            ),
            AuthKind(
                name="oauth2",
                title=say("OAuth2: a token for client credentials"),
                bound_to="token_url",
                members=(
                    AuthMember(
                        name="token_url",
                        title=say("Token URL"),
                        limit=URL_LIMIT,
                        holds=say("characters of a URL"),
                        pattern=CHARACTERS_OF_A_TOKEN,
                    ),
                    AuthMember(
                        name="client_id",
                        title=say("Client id"),
                        limit=255,
                        holds=say("ASCII characters"),
                        pattern=_ASCII,
                    ),
                    AuthMember(
                        name="client_secret",
                        title=say("Client secret"),
                        limit=1024,
                        holds=say("ASCII characters"),
                        pattern=_ASCII,
                        secret=True,
                    ),
                    AuthMember(
                        name="scope",
                        title=say("Scope"),
                        limit=1024,
                        holds=say("ASCII characters"),
                        pattern=_ASCII,
                        required=False,
                    ),
                    AuthMember(
                        name="audience",
                        title=say("Audience"),
                        limit=1024,
                        holds=say("ASCII characters"),
                        pattern=_ASCII,
                        required=False,
                    ),
                    AuthMember(
                        name="client_auth",
                        title=say("Client in the header (basic) or in the form (post)"),
                        limit=5,
                        holds=say("characters: basic or post"),
                        pattern=re.compile(r"(?:basic|post)?"),
                        required=False,
                    ),
                ),
            ),
        )
    }
)
AUTH_TYPES = tuple((kind.name, kind.title) for kind in KINDS.values())


def check_auth(given: object) -> dict[str, str] | None:
    """Return credentials in their stored form, or raise InvalidInput; a secret may be missing, `complete` finds it."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or given.get("type") not in tuple(KINDS):
        raise InvalidInput("auth is null, or an object whose type is " + " or ".join(KINDS), field="auth")
    kind = KINDS[given["type"]]
    known = {member.name: member for member in kind.members}
    values = {name: value for name, value in given.items() if name != "type" and value is not None}
    if unknown := values.keys() - known.keys():
        raise InvalidInput(say("auth of type {name} has no {min}", name=kind.name, min=min(unknown)), field="auth")
    for member in kind.members:
        if member.required and not member.secret and member.name not in values:
            raise InvalidInput(say("{name} is missing", name=member.name), field="auth")
    return {"type": kind.name, **{name: known[name].check(value) for name, value in values.items()}}


def complete(auth: Auth, *, stored: Auth | None) -> Auth:
    """Return credentials with the secrets that were left out taken from the stored ones of the same kind."""
    bound_to = KINDS[auth["type"]].bound_to
    same = stored is not None and stored["type"] == auth["type"] and stored.get(bound_to) == auth.get(bound_to)
    kept = stored if stored and same else {}
    found = dict(auth)
    for member in KINDS[auth["type"]].members:
        if member.secret and member.name not in found:
            if member.name in kept:
                found[member.name] = kept[member.name]
            elif member.required:
                raise InvalidInput(say("{name} is missing", name=member.name), field="auth")
    return found


def shown_auth(auth: Auth) -> dict[str, str]:
    """Return what may be seen of credentials: no secret, and the end of one that is long enough not to be guessed."""
    members = KINDS[auth["type"]].members
    seen = {member.name: auth[member.name] for member in members if not member.secret and member.name in auth}
    return {"type": auth["type"], **seen, "hint": _hint_of(next(iter(_secret_values(auth)), ""))}


def authorization(auth: Auth) -> str:
    """Return the value of the header Authorization, of a kind that is not fetched."""
    if auth["type"] == "basic":
        pair = f"{auth['username']}:{auth.get('password', '')}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    return f"Bearer {auth['token']}"


def secrets_of(auth: Auth) -> list[str]:
    """Return what a receiver must not write into our log by sending it back."""
    return [*_secret_values(auth), *([] if auth["type"] == OAUTH2 else [authorization(auth)])]


def _secret_values(auth: Auth) -> list[str]:
    return [auth[member.name] for member in KINDS[auth["type"]].members if member.secret and member.name in auth]


def _hint_of(secret: str) -> str:
    return secret[-HINT_CHARACTERS:] if len(secret) >= LONG_ENOUGH_FOR_A_HINT else ""
