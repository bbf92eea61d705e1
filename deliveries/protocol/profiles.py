"""Signing profiles: the schemes that other senders made common, and those that a customer describes.

What lives here: which headers a scheme adds, and what is in them. It must not know where secrets are stored.
Source: the vendors' own pages.

A profile other than `standard` adds its header to the three standard ones. Its HMAC key is the text of the
secret as the customer knows it, `whsec_` included: the vendors' libraries and hand-written receivers use the
configured string itself, so the secret that a receiver has already works unchanged. Only `svix` is Standard
Webhooks under other names.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from types import MappingProxyType

from deliveries.errors import InvalidInput
from deliveries.protocol.secrets import ED25519_PREFIX, HMAC_PREFIX, OF_STANDARD_WEBHOOKS, SigningKey, to_base64
from deliveries.protocol.sentences import say
from deliveries.protocol.vendor_signatures import (
    Headers,
    Sign,
    sign_hook0,
    sign_nothing_more,
    sign_outpost,
    sign_slack,
    text_keys,
    timed,
)

ENCODINGS = ("hex", "base64")
HASHES = ("sha256", "sha1", "sha512")
HEADER_CHARACTERS = 64
PREFIX_CHARACTERS = 32

_NAME = re.compile(r"[A-Za-z0-9-]+")
_PREFIX = re.compile(r"[\x21-\x7e]*")
_RESERVED = ("webhook-", "content-", "proxy-", "accept")
_OF_THE_CONNECTION = frozenset(
    {"host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "cookie"}
    | {"user-agent", "authorization", "proxy", "http2-settings", "traceparent", "tracestate"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A signing scheme, described for people, with the headers that it adds.

    `copied` says which of them repeat a standard header, by name.
    """

    name: str
    title: str
    description: str
    example: str
    headers: tuple[str, ...]
    sign: Sign = field(repr=False)
    copied: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """A scheme in a customer's own words: one header with the HMAC of the body.

    With `timestamp_header` the time is sent too, in Unix seconds, and `{time}.{body}` is what is signed.
    """

    header: str
    encoding: str = "hex"
    hash: str = "sha256"
    prefix: str = ""
    timestamp_header: str = ""

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


def check_signing(given: object) -> str:
    """Return a scheme in its stored form, from its name or its description; raises InvalidInput."""
    if isinstance(given, str):
        if given not in PROFILES:
            raise InvalidInput("signing is one of " + ", ".join(PROFILES) + ", or an object", field="signing")
        return given
    if not isinstance(given, Mapping):
        raise _wrong("signing is a name or an object")
    members = {name: value for name, value in given.items() if value is not None}
    unknown = members.keys() - Scheme.__dataclass_fields__.keys()
    if unknown or not all(isinstance(value, str) for value in members.values()) or "header" not in members:
        raise _wrong(
            "a scheme is header, encoding, hash, prefix and timestamp_header, all texts; a header it must have"
        )
    scheme = Scheme(**members)
    _check_scheme(scheme)
    return json.dumps(asdict(scheme), separators=(",", ":"))


def shown_signing(signing: str) -> str | dict[str, object]:
    """Return a stored scheme as it is given: its name, or its description."""
    if signing in PROFILES:
        return signing
    described: dict[str, object] = json.loads(signing)
    return described


@lru_cache(maxsize=1024)
def profile_of(signing: str) -> Profile:
    """Return the profile of a stored scheme."""
    if (known := PROFILES.get(signing)) is not None:
        return known
    scheme = Scheme(**json.loads(signing))
    has_time = bool(scheme.timestamp_header)
    signed = say("the time, a dot and the raw body") if has_time else say("the raw body")
    values = asdict(scheme) | {"hash": scheme.hash.upper(), "signed": signed}
    content = 'time + "." + rawBody' if has_time else "rawBody"
    return _profile(
        scheme,
        name="own",
        title=scheme.header,
        description=say("Adds {header}: the HMAC-{hash} of {signed} in {encoding}.", **values),
        example=f'crypto.createHmac("{scheme.hash}", secret).update({content}).digest("{scheme.encoding}")',
    )


def check_key(signing: str, key: SigningKey) -> None:
    """Raise InvalidInput when a scheme cannot sign with this key."""
    if signing in OF_STANDARD_WEBHOOKS and key.kind == "text":
        raise _wrong(
            "the signing profile {signing} needs a secret that starts with {hmac_prefix} or {ed_prefix}",
            signing=signing,
            hmac_prefix=HMAC_PREFIX,
            ed_prefix=ED25519_PREFIX,
        )
    if signing not in OF_STANDARD_WEBHOOKS and key.kind == "ed25519":
        raise _wrong("the signing profile {title} needs a shared secret", title=profile_of(signing).title)


def _wrong(message: str, **values: object) -> InvalidInput:
    return InvalidInput(say(message, **values), field="signing")


def _check_scheme(scheme: Scheme) -> None:
    _check_name(scheme.header)
    if scheme.timestamp_header:
        _check_name(scheme.timestamp_header)
    if scheme.timestamp_header.lower() == scheme.header.lower():
        raise _wrong("the signature and the time need two headers")
    if scheme.encoding not in ENCODINGS or scheme.hash not in HASHES:
        raise _wrong(
            "encoding is one of {names}, hash one of {names_2}", names=", ".join(ENCODINGS), names_2=", ".join(HASHES)
        )
    if len(scheme.prefix) > PREFIX_CHARACTERS or _PREFIX.fullmatch(scheme.prefix) is None:
        raise _wrong(
            "prefix is up to {prefix_characters} visible ASCII characters", prefix_characters=PREFIX_CHARACTERS
        )


def _check_name(name: str) -> None:
    lowered = name.lower()
    if _NAME.fullmatch(name) is None or len(name) > HEADER_CHARACTERS:
        raise _wrong(
            "a header of a scheme is up to {header_characters} letters, digits and -",
            header_characters=HEADER_CHARACTERS,
        )
    if lowered in _OF_THE_CONNECTION or lowered.startswith(_RESERVED):
        raise _wrong("the header {lowered} is set by the sender or by the connection", lowered=lowered)


def _profile(scheme: Scheme, *, name: str, title: str, description: str, example: str) -> Profile:
    return Profile(
        name=name, title=title, description=description, example=example, headers=scheme.headers, sign=scheme.sign
    )


_ALL_PROFILES = (
    Profile(
        name="standard",
        title="Standard Webhooks",
        description=say("The headers webhook-id, webhook-timestamp and webhook-signature: best for a new receiver."),
        example='Webhook(secret).verify(body, headers)  # PyPI or npm "standardwebhooks"',
        headers=(),
        sign=sign_nothing_more,
    ),
    _profile(
        Scheme(header="X-Signature"),
        name="hex_sha256",
        title="X-Signature",
        description=say(
            "Adds X-Signature: the HMAC-SHA256 of the raw body in hex, as hand-written receivers check it."
        ),
        example='crypto.createHmac("sha256", secret).update(rawBody).digest("hex")',
    ),
    _profile(
        Scheme(header="X-Hub-Signature-256", prefix="sha256="),
        name="github",
        title="GitHub",
        description=say("Adds X-Hub-Signature-256: sha256= and the HMAC-SHA256 of the raw body in hex."),
        example='verify(secret, rawBody, headers["x-hub-signature-256"])  // npm "@octokit/webhooks-methods"',
    ),
    Profile(
        name="stripe",
        title="Stripe",
        description=say("Adds Stripe-Signature: the time and one v1 signature for each valid secret."),
        example='stripe.Webhook.construct_event(payload, headers["Stripe-Signature"], secret)',
        headers=("Stripe-Signature",),
        sign=timed("Stripe-Signature", "v1"),
    ),
    Profile(
        name="slack",
        title="Slack",
        description=say("Adds X-Slack-Signature and X-Slack-Request-Timestamp; the time is part of what is signed."),
        example="SignatureVerifier(secret).is_valid_request(body, headers)  # PyPI slack-sdk",
        headers=("X-Slack-Request-Timestamp", "X-Slack-Signature"),
        sign=sign_slack,
    ),
    _profile(
        Scheme(header="X-Shopify-Hmac-Sha256", encoding="base64"),
        name="shopify",
        title="Shopify",
        description=say("Adds X-Shopify-Hmac-Sha256: the HMAC-SHA256 of the raw body in base64."),
        example="base64.b64encode(hmac.digest(secret.encode(), body, 'sha256')).decode()",
    ),
    Profile(
        name="svix",
        title="Svix",
        description=say("Adds svix-id, svix-timestamp and svix-signature: the standard headers under Svix's names."),
        example='Webhook(secret).verify(body, headers)  # PyPI or npm "svix"',
        headers=("svix-id", "svix-timestamp", "svix-signature"),
        sign=sign_nothing_more,
        copied={f"svix-{part}": f"webhook-{part}" for part in ("id", "timestamp", "signature")},
    ),
    _profile(
        Scheme(header="X-Convoy-Signature"),
        name="convoy",
        title="Convoy, simple",
        description=say("Adds X-Convoy-Signature: the HMAC-SHA256 of the raw body in hex."),
        example='crypto.createHmac("sha256", secret).update(rawBody).digest("hex")',
    ),
    Profile(
        name="convoy_advanced",
        title="Convoy, advanced",
        description=say(
            "Adds X-Convoy-Signature: the time and one v1 signature of time, comma and body for each secret."
        ),
        example='crypto.createHmac("sha256", secret).update(t + "," + rawBody).digest("hex")',
        headers=("X-Convoy-Signature",),
        sign=timed("X-Convoy-Signature", "v1", joint=b","),
    ),
    Profile(
        name="hook0",
        title="Hook0",
        description=say("Adds X-Hook0-Signature: the time, a v0 signature of it and the body, and a v1 signature."),
        example='crypto.createHmac("sha256", secret).update(t + "." + rawBody).digest("hex")  // v0',
        headers=("X-Hook0-Timestamp", "X-Hook0-Signature"),
        sign=sign_hook0,
    ),
    Profile(
        name="outpost",
        title="Outpost",
        description=say("Adds X-Outpost-Signature: one v0 signature of the raw body for each secret."),
        example='crypto.createHmac("sha256", secret).update(rawBody).digest("hex")  // one of those behind v0=',
        headers=("X-Outpost-Event-Id", "X-Outpost-Signature"),
        sign=sign_outpost,
        copied={"X-Outpost-Event-Id": "webhook-id"},
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in _ALL_PROFILES})
