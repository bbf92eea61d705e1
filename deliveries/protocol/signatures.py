"""Secrets and signatures: Standard Webhooks, and the schemes that other senders made common.

What lives here: reading and writing secrets, signing, the signing profiles.
It must not know where secrets are stored, or when they expire. Source: Standard Webhooks 1.0.0,
Signature scheme; the vendors' own pages for the profiles.

A profile other than `standard` adds that vendor's header to the three standard ones. Its HMAC key is
the UTF-8 text of the secret as the customer sees it, `whsec_` included: the vendors' libraries and
hand-written receivers use the configured string itself, so pasting the shown secret works unchanged.
"""

from __future__ import annotations

import hmac
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deliveries.errors import InvalidInput, InvalidSecret

HMAC_PREFIX = "whsec_"
ED25519_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
SHORTEST_SECRET_BYTES = 24
LONGEST_SECRET_BYTES = 64
SEED_BYTES = 32

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of an endpoint: the raw HMAC key, or the 32-byte seed of an ed25519 key."""

    kind: Literal["hmac", "ed25519"]
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A signing scheme, described for people, with the headers that it adds."""

    name: str
    title: str
    description: str
    example: str
    headers: tuple[str, ...]
    sign: Callable[[Sequence[SigningKey], int, bytes], Headers] = field(repr=False)


def parse_secret(text: str) -> SigningKey:
    """Return the key of a `whsec_` or `whsk_` secret, or raise InvalidSecret."""
    if text.startswith(HMAC_PREFIX):
        value = _from_base64(text.removeprefix(HMAC_PREFIX))
        if not SHORTEST_SECRET_BYTES <= len(value) <= LONGEST_SECRET_BYTES:
            raise InvalidSecret(
                f"a secret holds {SHORTEST_SECRET_BYTES} to {LONGEST_SECRET_BYTES} bytes", field="secret"
            )
        return SigningKey("hmac", value)
    if text.startswith(ED25519_PREFIX):
        return _parse_private_key(_from_base64(text.removeprefix(ED25519_PREFIX)))
    raise InvalidSecret(f"a secret starts with {HMAC_PREFIX} or {ED25519_PREFIX}", field="secret")


def format_secret(key: SigningKey) -> str:
    """Return the secret as it is shown to the customer; an ed25519 one is seed and public key together."""
    if key.kind == "hmac":
        return HMAC_PREFIX + _base64(key.value)
    return ED25519_PREFIX + _base64(key.value + _public_bytes(key.value))


def public_key(key: SigningKey) -> str:
    """Return the `whpk_` key that verifies `v1a` signatures; an HMAC key has none."""
    if key.kind != "ed25519":
        raise InvalidSecret("a shared secret has no public key", field="secret")
    return PUBLIC_PREFIX + _base64(_public_bytes(key.value))


def hint(key: SigningKey) -> str:
    """Return the last four characters of the secret, to tell keys apart by."""
    return format_secret(key)[-4:]


def sign_v1(key_bytes: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the symmetric signature `v1,<base64>` over `{id}.{timestamp}.{body}`."""
    return "v1," + _base64(hmac.digest(key_bytes, _signed_content(message_id, timestamp, body), "sha256"))


def sign_v1a(seed: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the asymmetric signature `v1a,<base64>` over `{id}.{timestamp}.{body}`."""
    return "v1a," + _base64(_private_key(seed).sign(_signed_content(message_id, timestamp, body)))


def check_profile(profile: str, *, kind: str = "hmac") -> str:
    """Return the name of a profile that keys of this kind can serve, or raise InvalidInput."""
    if profile not in PROFILES:
        raise InvalidInput("signing is one of " + ", ".join(PROFILES), field="signing")
    if profile != "standard" and kind != "hmac":
        raise InvalidInput(f"the signing profile {profile} needs a {HMAC_PREFIX} secret", field="signing")
    return profile


def signature_headers(
    profile: str, keys: Sequence[SigningKey], *, message_id: str, timestamp: int, body: bytes
) -> Headers:
    """Return the standard headers, then the profile's own; `keys` come newest first.

    Where a scheme carries one signature only, the newest HMAC key makes it. No usable key raises
    InvalidSecret: nothing goes out unsigned.
    """
    if not keys:
        raise InvalidSecret("an endpoint without a secret cannot be sent to", field="secret")
    content = _signed_content(message_id, timestamp, body)
    headers = [
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", " ".join([_sign(key, content) for key in keys])),
    ]
    if profile != "standard":
        headers += PROFILES[profile].sign(keys, timestamp, body)
    return headers


def _sign(key: SigningKey, content: bytes) -> str:
    if key.kind == "hmac":
        return "v1," + _base64(hmac.digest(key.value, content, "sha256"))
    return "v1a," + _base64(_private_key(key.value).sign(content))


def _signed_content(message_id: str, timestamp: int, body: bytes) -> bytes:
    return b"%b.%d.%b" % (message_id.encode(), timestamp, body)


def _base64(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).decode("ascii")


def _from_base64(text: str) -> bytes:
    try:
        raw = a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError) as error:
        raise InvalidSecret("after its prefix a secret is padded standard base64", field="secret") from error
    # strict_mode lets stray bits in the last character pass; two spellings of one secret would be the result.
    if _base64(raw) != text:
        raise InvalidSecret("after its prefix a secret is padded standard base64", field="secret")
    return raw


def _parse_private_key(raw: bytes) -> SigningKey:
    seed = raw[:SEED_BYTES]
    if len(raw) not in (SEED_BYTES, 2 * SEED_BYTES):
        raise InvalidSecret("an ed25519 secret holds the 32-byte seed, or seed and public key", field="secret")
    if len(raw) > SEED_BYTES and raw[SEED_BYTES:] != _public_bytes(seed):
        raise InvalidSecret("the public half of the ed25519 secret does not belong to its seed", field="secret")
    return SigningKey("ed25519", seed)


@lru_cache(maxsize=1024)
def _private_key(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


def _public_bytes(seed: bytes) -> bytes:
    return _private_key(seed).public_key().public_bytes_raw()


def _text_keys(keys: Sequence[SigningKey]) -> list[bytes]:
    found = [format_secret(key).encode() for key in keys if key.kind == "hmac"]
    if not found:
        raise InvalidSecret(f"this signing profile needs a {HMAC_PREFIX} secret", field="secret")
    return found


def _hex(key: bytes, content: bytes) -> str:
    return hmac.digest(key, content, "sha256").hex()


def _sign_nothing_more(keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
    return []


def _sign_hex(keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
    return [("X-Signature", _hex(_text_keys(keys)[0], body))]


def _sign_github(keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
    return [("X-Hub-Signature-256", "sha256=" + _hex(_text_keys(keys)[0], body))]


def _sign_stripe(keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
    content = b"%d.%b" % (timestamp, body)
    entries = [f"v1={_hex(key, content)}" for key in _text_keys(keys)]
    return [("Stripe-Signature", ",".join([f"t={timestamp}", *entries]))]


def _sign_slack(keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
    signature = _hex(_text_keys(keys)[0], b"v0:%d:%b" % (timestamp, body))
    return [("X-Slack-Request-Timestamp", str(timestamp)), ("X-Slack-Signature", f"v0={signature}")]


def _sign_shopify(keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
    return [("X-Shopify-Hmac-Sha256", _base64(hmac.digest(_text_keys(keys)[0], body, "sha256")))]


_ALL_PROFILES = (
    Profile(
        name="standard",
        title="Standard Webhooks",
        description="The headers webhook-id, webhook-timestamp and webhook-signature: best for a new receiver.",
        example='Webhook(secret).verify(body, headers)  # PyPI or npm "standardwebhooks"',
        headers=(),
        sign=_sign_nothing_more,
    ),
    Profile(
        name="hex_sha256",
        title="X-Signature",
        description="Adds X-Signature: the HMAC-SHA256 of the raw body in hex, as hand-written receivers check it.",
        example='crypto.createHmac("sha256", secret).update(rawBody).digest("hex")',
        headers=("X-Signature",),
        sign=_sign_hex,
    ),
    Profile(
        name="github",
        title="GitHub",
        description="Adds X-Hub-Signature-256: sha256= and the HMAC-SHA256 of the raw body in hex.",
        example='verify(secret, rawBody, headers["x-hub-signature-256"])  // npm "@octokit/webhooks-methods"',
        headers=("X-Hub-Signature-256",),
        sign=_sign_github,
    ),
    Profile(
        name="stripe",
        title="Stripe",
        description="Adds Stripe-Signature: the time and one v1 signature for each valid secret.",
        example='stripe.Webhook.construct_event(payload, headers["Stripe-Signature"], secret)',
        headers=("Stripe-Signature",),
        sign=_sign_stripe,
    ),
    Profile(
        name="slack",
        title="Slack",
        description="Adds X-Slack-Signature and X-Slack-Request-Timestamp; the time is part of what is signed.",
        example="SignatureVerifier(secret).is_valid_request(body, headers)  # PyPI slack-sdk",
        headers=("X-Slack-Request-Timestamp", "X-Slack-Signature"),
        sign=_sign_slack,
    ),
    Profile(
        name="shopify",
        title="Shopify",
        description="Adds X-Shopify-Hmac-Sha256: the HMAC-SHA256 of the raw body in base64.",
        example="base64.b64encode(hmac.digest(secret.encode(), body, 'sha256')).decode()",
        headers=("X-Shopify-Hmac-Sha256",),
        sign=_sign_shopify,
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in _ALL_PROFILES})
