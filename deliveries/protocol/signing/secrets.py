"""Secrets: how those of Standard Webhooks and those of other senders are read, shown and hinted at.

What lives here: the forms of secrets. It must not know where they are stored, or when they expire.
Source: Standard Webhooks 1.0.0, Signature scheme; up to 75 bytes, as Svix's servers and libraries take them.

A secret that is neither `whsec_` nor `whsk_` came from another sender. It is a text, and its bytes are the key.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass, field
from functools import lru_cache
from hmac import HMAC
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deliveries.errors import InvalidSecret
from deliveries.protocol.writing.sentences import say

HMAC_PREFIX = "whsec_"
ED25519_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
OF_STANDARD_WEBHOOKS = frozenset({"standard", "svix"})  # schemes whose key is what the secret encodes, not its text
SHORTEST_SECRET_BYTES = 24
LONGEST_SECRET_BYTES = 75
SHORTEST_TEXT_BYTES = 8
LONGEST_TEXT_BYTES = 256
SEED_BYTES = 32
FEWEST_DIFFERENT_BYTES = 8
_LEAST_TO_HINT = 16


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of an endpoint: the HMAC key, the seed of an ed25519 key, or the text of another sender's secret."""

    kind: Literal["hmac", "ed25519", "text"]
    value: bytes = field(repr=False)
    _mac: HMAC = field(init=False, repr=False, compare=False)  # that has read the key, and nothing else yet

    def __post_init__(self) -> None:
        """Have the key read once, not for each signature."""
        object.__setattr__(self, "_mac", hmac.new(self.value, digestmod="sha256"))

    def sha256_of(self, content: bytes) -> bytes:
        """Return the HMAC of a content."""
        mac = self._mac.copy()
        mac.update(content)
        return mac.digest()

    @property
    def text(self) -> bytes:
        """The secret's text, which other senders' schemes take for the key."""
        return format_secret(self).encode()


def parse_secret(text: str) -> SigningKey:
    """Return the key of a `whsec_` or `whsk_` secret, or raise InvalidSecret."""
    if text.startswith(HMAC_PREFIX):
        value = _from_base64(text.removeprefix(HMAC_PREFIX))
        if not SHORTEST_SECRET_BYTES <= len(value) <= LONGEST_SECRET_BYTES:
            raise InvalidSecret(
                say(
                    "a secret holds {shortest_secret_bytes} to {longest_secret_bytes} bytes",
                    shortest_secret_bytes=SHORTEST_SECRET_BYTES,
                    longest_secret_bytes=LONGEST_SECRET_BYTES,
                ),
                field="secret",
            )
        return SigningKey("hmac", value)
    if text.startswith(ED25519_PREFIX):
        return _parse_private_key(_from_base64(text.removeprefix(ED25519_PREFIX)))
    raise InvalidSecret(
        say("a secret starts with {hmac_prefix} or {ed_prefix}", hmac_prefix=HMAC_PREFIX, ed_prefix=ED25519_PREFIX),
        field="secret",
    )


def read_secret(text: str) -> SigningKey:
    """Return the key of a stored secret: one of ours if it reads like one, else the text itself."""
    try:
        return parse_secret(text)
    except InvalidSecret:
        return SigningKey("text", text.encode())


def check_secret(text: str, *, signing: str) -> str:
    """Return a given secret in its stored form; for a scheme that signs with its text any will do."""
    if signing not in OF_STANDARD_WEBHOOKS:
        return _check_text(text)
    key = parse_secret(text)
    if _is_guessable(key.value):
        raise InvalidSecret(say("this secret can be guessed; take random bytes, or leave it to us"), field="secret")
    return format_secret(key)


def format_secret(key: SigningKey) -> str:
    """Return the secret as it is shown to the customer; an ed25519 one is seed and public key together."""
    if key.kind == "text":
        return key.value.decode()
    if key.kind == "hmac":
        return HMAC_PREFIX + to_base64(key.value)
    return ED25519_PREFIX + to_base64(key.value + _public_bytes(key.value))


def public_key(key: SigningKey) -> str:
    """Return the `whpk_` key that verifies `v1a` signatures, "" for a shared secret."""
    return PUBLIC_PREFIX + to_base64(_public_bytes(key.value)) if key.kind == "ed25519" else ""


def hint(key: SigningKey) -> str:
    """Return the last characters of the secret, to tell keys apart by: four, of a short one two; dots can be seen."""
    shown = "".join(each if each.isprintable() else "·" for each in format_secret(key)).strip()
    return shown[-4:] if len(shown) >= _LEAST_TO_HINT else shown[-2:]


@lru_cache(maxsize=1024)
def private_key(seed: bytes) -> Ed25519PrivateKey:
    """Return the key that signs, from its seed."""
    return Ed25519PrivateKey.from_private_bytes(seed)


def to_base64(raw: bytes) -> str:
    """Return padded standard base64."""
    return b2a_base64(raw, newline=False).decode("ascii")


def from_any_base64(text: bytes) -> bytes:
    """Return what standard or URL-safe base64 holds, padded or not; raises ValueError."""
    bare = text.rstrip(b"=")
    altchars = b"-_" if {*b"-_"} & {*bare} else None
    return b64decode(bare + b"=" * (-len(bare) % 4), altchars=altchars, validate=True)


def _check_text(text: str) -> str:
    if not SHORTEST_TEXT_BYTES <= len(text.encode("utf-8", "replace")) <= LONGEST_TEXT_BYTES:
        limits = f"{SHORTEST_TEXT_BYTES} to {LONGEST_TEXT_BYTES}"
        raise InvalidSecret(
            say("a secret for this signing scheme is a text of {limits} bytes", limits=limits), field="secret"
        )
    if "\0" in text:
        raise InvalidSecret(say("a secret holds no NUL character"), field="secret")
    return text


def _is_guessable(value: bytes) -> bool:
    repeats = any(value == (value[:period] * len(value))[: len(value)] for period in range(1, len(value) // 2 + 1))
    return repeats or len(set(value)) < FEWEST_DIFFERENT_BYTES


def _from_base64(text: str) -> bytes:
    try:
        raw = a2b_base64(text)
    except (Base64Error, ValueError) as error:
        raise InvalidSecret(say("after its prefix a secret is padded standard base64"), field="secret") from error
    # It passes over what is no base64, and over stray bits in the last character: one secret would have two spellings.
    if to_base64(raw) != text:
        raise InvalidSecret(say("after its prefix a secret is padded standard base64"), field="secret")
    return raw


def _parse_private_key(raw: bytes) -> SigningKey:
    seed = raw[:SEED_BYTES]
    if len(raw) not in (SEED_BYTES, 2 * SEED_BYTES):
        raise InvalidSecret(say("an ed25519 secret holds the 32-byte seed, or seed and public key"), field="secret")
    if len(raw) > SEED_BYTES and raw[SEED_BYTES:] != _public_bytes(seed):
        raise InvalidSecret(say("the public half of the ed25519 secret does not belong to its seed"), field="secret")
    return SigningKey("ed25519", seed)


def _public_bytes(seed: bytes) -> bytes:
    return private_key(seed).public_key().public_bytes_raw()
