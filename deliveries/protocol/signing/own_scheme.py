"""A signing scheme in a customer's own words: one header with the HMAC of the body, and some that tell of the event.

What lives here: what it may say, what it signs, and how it is kept. It must not know which schemes have names.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from deliveries.errors import InvalidInput
from deliveries.protocol.signing.secrets import SigningKey, to_base64
from deliveries.protocol.signing.vendor_signatures import Headers, text_keys
from deliveries.protocol.writing.sentences import say

ENCODINGS = ("hex", "base64")
HASHES = ("sha256", "sha1", "sha512")
HEADER_CHARACTERS = 64
PREFIX_CHARACTERS = 32
SCHEME_CHARACTERS = 400  # of its column

Told = Literal["id", "type", "time"]

_LATER = ("type_header", "id_header")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_PREFIX = re.compile(r"[\x21-\x7e]*")
_RESERVED = ("webhook-", "content-", "proxy-", "accept")
_OF_THE_CONNECTION = frozenset(
    {"host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "cookie"}
    | {"user-agent", "authorization", "proxy", "http2-settings", "traceparent", "tracestate"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """A scheme in a customer's own words: one header with the HMAC of the body.

    With `timestamp_header` the time is sent too, in Unix seconds, and `{time}.{body}` is what is signed. In
    `type_header` and `id_header` the event's type and id are sent, which are not signed.
    """

    header: str
    encoding: str = "hex"
    hash: str = "sha256"
    prefix: str = ""
    timestamp_header: str = ""
    type_header: str = ""
    id_header: str = ""

    @property
    def told(self) -> dict[str, Told]:
        """The headers that tell of the event."""
        told: dict[str, Told] = {self.id_header: "id", self.type_header: "type"}
        return {name: what for name, what in told.items() if name}

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers that it adds, in sending order."""
        return (self.timestamp_header, self.header) if self.timestamp_header else (self.header,)

    def sign(self, keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
        """Return the headers, signed with the newest key."""
        content = b"%d.%b" % (timestamp, body) if self.timestamp_header else body
        digest = hmac.digest(text_keys(keys)[0], content, self.hash)
        written = digest.hex() if self.encoding == "hex" else to_base64(digest)
        time = [(self.timestamp_header, str(timestamp))] if self.timestamp_header else []
        return [*time, (self.header, self.prefix + written)]


def check_scheme(given: Mapping[str, object]) -> str:
    """Return a scheme as it is stored, from its members; raises InvalidInput."""
    members = {name: value for name, value in given.items() if value is not None}
    unknown = members.keys() - Scheme.__dataclass_fields__.keys()
    if unknown or not all(isinstance(value, str) for value in members.values()) or "header" not in members:
        raise wrong_signing(
            "a scheme is header, encoding, hash, prefix, timestamp_header, type_header and id_header, all texts; "
            "a header it must have"
        )
    scheme = Scheme(**{name: str(value) for name, value in members.items()})
    _check_members(scheme)
    return _stored(scheme)


def read_scheme(stored: str) -> Scheme:
    """Return a scheme from its stored form."""
    return Scheme(**json.loads(stored))


def _stored(scheme: Scheme) -> str:
    """Return a scheme as JSON, without what it leaves out and the release before did not know."""
    members = {name: value for name, value in asdict(scheme).items() if value or name not in _LATER}
    stored = json.dumps(members, separators=(",", ":"))
    if len(stored) > SCHEME_CHARACTERS:
        raise wrong_signing("the headers of a scheme are too long together")
    return stored


def wrong_signing(message: str, **values: object) -> InvalidInput:
    """Return what refuses a scheme."""
    return InvalidInput(say(message, **values), field="signing")


def _check_members(scheme: Scheme) -> None:
    names = [scheme.header, *filter(None, (scheme.timestamp_header, scheme.type_header, scheme.id_header))]
    for name in names:
        _check_name(name)
    if len({name.lower() for name in names}) < len(names):
        raise wrong_signing("signature, time, type and id of an event need a header each")
    if scheme.encoding not in ENCODINGS or scheme.hash not in HASHES:
        raise wrong_signing(
            "encoding is one of {names}, hash one of {names_2}", names=", ".join(ENCODINGS), names_2=", ".join(HASHES)
        )
    if len(scheme.prefix) > PREFIX_CHARACTERS or _PREFIX.fullmatch(scheme.prefix) is None:
        raise wrong_signing(
            "prefix is up to {prefix_characters} visible ASCII characters", prefix_characters=PREFIX_CHARACTERS
        )


def _check_name(name: str) -> None:
    lowered = name.lower()
    if _NAME.fullmatch(name) is None or len(name) > HEADER_CHARACTERS:
        raise wrong_signing(
            "a header of a scheme is up to {header_characters} letters, digits and -",
            header_characters=HEADER_CHARACTERS,
        )
    if lowered in _OF_THE_CONNECTION or lowered.startswith(_RESERVED):
        raise wrong_signing("the header {lowered} is set by the sender or by the connection", lowered=lowered)
