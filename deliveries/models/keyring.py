"""Secrets at rest: AES-256-GCM under a keyring.

A sealed value is `version byte | key id length | key id | nonce | ciphertext`; the row's id is
associated data, so that a value copied to another row does not open. Knows no tables.
"""

from __future__ import annotations

import base64
import binascii
import os
from functools import cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from deliveries.errors import CannotDecrypt, WrongSetting

VERSION = 1
NONCE_BYTES = 12


Keys = tuple[tuple[str, str], ...]  # pairs of id and base64


def seal(plaintext: bytes, *, row_id: UUID, keys: Keys | None = None) -> bytes:
    """Encrypt under the first key of the keyring, ours or another cell's."""
    key_id, cipher = next(iter(_keyring(keys or settings.ENCRYPTION_KEYS).items()))
    nonce = os.urandom(NONCE_BYTES)
    name = key_id.encode()
    return bytes((VERSION, len(name))) + name + nonce + cipher.encrypt(nonce, plaintext, row_id.bytes)


def unseal(sealed: bytes, *, row_id: UUID) -> bytes:
    """Decrypt, or raise CannotDecrypt when the key is gone, wrong, or the value was tampered with."""
    version, length = (sealed[0], sealed[1]) if len(sealed) > 1 else (0, 0)
    key_id = sealed[2 : 2 + length].decode(errors="replace")
    cipher = _keyring(settings.ENCRYPTION_KEYS).get(key_id)
    if version != VERSION or cipher is None:
        raise CannotDecrypt(f"HOOKPOST_ENCRYPTION_KEYS: no key {key_id!r}, which sealed a stored secret")
    nonce = sealed[2 + length : 2 + length + NONCE_BYTES]
    try:
        return cipher.decrypt(nonce, sealed[2 + length + NONCE_BYTES :], row_id.bytes)
    except (InvalidTag, ValueError) as error:  # ValueError: cut short
        raise CannotDecrypt(f"HOOKPOST_ENCRYPTION_KEYS: key {key_id!r} does not open a stored secret") from error


def sealed_prefix() -> bytes:
    """Return how every value begins that is sealed under the keyring's first key."""
    name = settings.ENCRYPTION_KEYS[0][0].encode()
    return bytes((VERSION, len(name))) + name


@cache
def _keyring(pairs: tuple[tuple[str, str], ...]) -> dict[str, AESGCM]:
    ring = {}
    for key_id, text in pairs:
        try:
            ring[key_id] = AESGCM(base64.b64decode(text, validate=True))
        except (ValueError, binascii.Error) as error:
            raise WrongSetting(f"HOOKPOST_ENCRYPTION_KEYS: key {key_id!r} is not base64 of 32 bytes") from error
    return ring
