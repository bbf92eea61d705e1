"""Which mistake makes a receiver's code compute the signature that it computes.

What lives here: the usual mistakes with key, content, body and hash, tried one after the other. Nothing of a secret is
in what it returns. It must not know where secrets are stored.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import product

from deliveries.protocol.body_differences import REWRITE_LIMIT_BYTES, rewritten
from deliveries.protocol.findings import Finding, fault
from deliveries.protocol.secrets import HMAC_PREFIX, SigningKey
from deliveries.protocol.sentences import joined, say

Named = tuple[str, bytes]  # the mistake in words, "" for none, and what comes of it

HASHES = ("sha256", "sha1", "sha512")
_LENGTHS = (20, 32, 64)
_MARK = re.compile(r"^(?:v\d[,=]|sha\d{1,3}=|t=\d+,v\d=)", re.IGNORECASE)
SCHEMES_OF_BYTES = ("standard", "svix")  # the HMAC key is what the secret's base64 holds


def explain_computed(
    given: str,
    *,
    keys: Sequence[SigningKey],
    signing: str,
    sent: Iterable[str],
    message_id: str,
    timestamp: int,
    body: bytes,
) -> Finding:
    """Return what a signature that the receiver's code computed was made of; `sent` are the headers' values."""
    digest = digest_of(given)
    if digest is None:
        return fault(
            "no_signature", say("What your code computed is neither hex nor base64 of a SHA-1, SHA-256 or SHA-512.")
        )
    right = _contents(message_id, timestamp, body)
    places = _right_contents(keys, signing, list(sent), right)
    for mistakes, made in _tries(keys, signing, message_id, timestamp, body, places):
        if hmac.compare_digest(made, digest):
            return _told(mistakes)
    return fault(
        "unknown_computation",
        say(
            "No usual mistake leads to the signature that your code computed from what was sent: "
            "another secret, or a body "
            "that was changed."
        ),
    )


def digest_of(given: str) -> bytes | None:
    """Return the bytes of a signature in hex or base64, with the mark of a scheme or without."""
    text = _MARK.sub("", given.strip())
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) in _LENGTHS:
        return raw
    try:
        raw = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_" if set("-_") & set(text) else None, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) in _LENGTHS else None


def _told(mistakes: Sequence[str]) -> Finding:
    said = [each for each in mistakes if each]
    if said:
        return fault("computed_otherwise", say("Your code computed it otherwise: {mistakes}.", mistakes=joined(said)))
    return fault(
        "same_signature",
        say(
            "Your code computes the right signature. Compare it with each signature of the header, without the mark in "
            "front of it, in the same encoding."
        ),
    )


def _tries(
    keys: Sequence[SigningKey], signing: str, message_id: str, timestamp: int, body: bytes, places: Collection[int]
) -> Iterator[tuple[Sequence[str], bytes]]:
    """Yield what each mistake alone, then two together, would compute; the right way first."""
    ways = [*_keys(keys, signing)]
    for (body_words, written), name in product(_bodies(body), HASHES):
        hash_words = "" if name == "sha256" else say("the hash was {name}", name=name)
        for at, content in enumerate(_contents(message_id, timestamp, written)):
            content_words = "" if at in places else content[0]
            for key_words, key in ways:
                yield (key_words, content_words, body_words, hash_words), hmac.digest(key, content[1], name)


def _right_contents(
    keys: Sequence[SigningKey], signing: str, sent: Sequence[str], contents: Sequence[Named]
) -> frozenset[int]:
    """Return which contents the scheme signs: those whose signature was sent."""
    right = [key for words, key in _keys(keys, signing) if not words]
    found = frozenset(at for at, (_, content) in enumerate(contents) if _is_sent(content, right, sent))
    return found or frozenset({0})


def _is_sent(content: bytes, keys: Iterable[bytes], sent: Sequence[str]) -> bool:
    for key in keys:
        digest = hmac.digest(key, content, "sha256")
        base64 = binascii.b2a_base64(digest, newline=False).decode()
        if any(digest.hex() in value or base64 in value for value in sent):
            return True
    return False


def _contents(message_id: str, timestamp: int, body: bytes) -> list[Named]:
    return [
        (
            say("id, timestamp and body were signed, with dots between them"),
            b"%b.%d.%b" % (message_id.encode(), timestamp, body),
        ),
        (say("timestamp and body were signed, with a dot between them"), b"%d.%b" % (timestamp, body)),
        (say("timestamp and body were signed, with a comma between them"), b"%d,%b" % (timestamp, body)),
        (say("v0, timestamp and body were signed, with colons between them"), b"v0:%d:%b" % (timestamp, body)),
        (
            say("timestamp, a header's name, its value and body were signed, with dots between them"),
            b"%d.x-hook0-timestamp.%d.%b" % (timestamp, timestamp, body),
        ),
        (say("the body alone was signed"), body),
        (say("id, timestamp and body were signed without dots"), b"%b%d%b" % (message_id.encode(), timestamp, body)),
    ]


def _bodies(body: bytes) -> Iterator[Named]:
    yield "", body
    if len(body) > REWRITE_LIMIT_BYTES:
        return
    yield from (
        (say("the body was parsed and written again, {way}", way=words), written) for words, written in rewritten(body)
    )
    yield say("a line break was added to the body"), body + b"\n"
    yield say("the body was empty"), b""


def _keys(keys: Sequence[SigningKey], signing: str) -> Iterator[Named]:
    takes_bytes = signing in SCHEMES_OF_BYTES
    for key in keys:
        if key.kind == "ed25519":
            continue
        text = key.text
        if key.kind == "text":
            yield "", text
            continue
        yield (
            ("" if takes_bytes else say("the secret was decoded from base64, and this scheme takes its text")),
            key.value,
        )
        yield (
            (
                say("the text of the secret was used as the key; decode what follows whsec_ from base64")
                if takes_bytes
                else ""
            ),
            text,
        )
        yield say("the text of the secret was used as the key, without whsec_"), text.removeprefix(HMAC_PREFIX.encode())
