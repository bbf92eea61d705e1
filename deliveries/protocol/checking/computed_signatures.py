"""Which mistake makes a receiver's code compute the signature that it computes.

What lives here: the usual mistakes with key, content, body and hash, tried one after the other. Nothing of a secret is
in what it returns. It must not know where secrets are stored.
"""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, product

from deliveries.protocol.checking.body_differences import REWRITE_LIMIT_BYTES, rewritten
from deliveries.protocol.checking.findings import Finding, fault
from deliveries.protocol.checking.given_digests import read_digests
from deliveries.protocol.signing.secrets import HMAC_PREFIX, SigningKey, hint
from deliveries.protocol.writing.sentences import joined, say

Named = tuple[str, bytes]  # the mistake in words, "" for none, and what comes of it

HASHES = ("sha256", "sha1", "sha512")
UNKNOWN = say(
    "No usual mistake leads to the signature that your code computed from what was sent: another secret, or a body "
    "that was changed."
)
SCHEMES_OF_BYTES = ("standard", "svix")  # the HMAC key is what the secret's base64 holds


def explain_computed(
    given: str,
    *,
    keys: Sequence[SigningKey],
    others: Sequence[SigningKey] = (),
    signing: str,
    sent: Mapping[str, str],
    message_id: str,
    timestamp: int,
    body: bytes,
) -> Finding:
    """Return what a signature that the receiver's code computed was made of.

    `sent` are the headers with signatures, the scheme's own last; `others` the endpoint's secrets that did not sign.
    """
    digests = read_digests(given)
    if not digests:
        return fault(
            "no_signature", say("What your code computed is neither hex nor base64 of a SHA-1, SHA-256 or SHA-512.")
        )
    for name, value in sent.items():
        if (right := next((each for each in digests if _is_sent(each.value, [value])), None)) is not None:
            return _told([right.words], name)
    ways = _Ways(keys, others, signing, [*sent.values()][-1:], _contents(message_id, timestamp, body))
    for mistakes, made in ways.tries(message_id, timestamp, body):
        if (found := next((each for each in digests if hmac.compare_digest(made, each.value)), None)) is not None:
            return _told([*mistakes, found.words])
    return fault("unknown_computation", UNKNOWN)


def _told(mistakes: Sequence[str], header: str = "") -> Finding:
    said = [each for each in mistakes if each]
    if said or not header:
        return fault("computed_otherwise", say("Your code computed it otherwise: {mistakes}.", mistakes=joined(said)))
    return fault(
        "same_signature",
        say(
            "Your code computes what the header {header} holds. Compare it with each signature in it, without the mark "
            "in front, in the same encoding.",
            header=header,
        ),
    )


class _Ways:
    """All that may have been computed of one request, and which of it is right."""

    def __init__(
        self,
        keys: Sequence[SigningKey],
        others: Sequence[SigningKey],
        signing: str,
        sent: Sequence[str],
        contents: Sequence[Named],
    ) -> None:
        self._keys = [*_keys(keys, signing)]
        self._others = [*_other_keys(keys, others, signing)]
        right = [key for words, key in self._keys if not words]
        self._right = frozenset(
            (at, name)
            for (at, (_, content)), name in product(enumerate(contents), HASHES)
            if any(_is_sent(hmac.digest(key, content, name), sent) for key in right)
        ) or frozenset({(0, "sha256")})

    def tries(self, message_id: str, timestamp: int, body: bytes) -> Iterator[tuple[Sequence[str], bytes]]:
        """Yield what each mistake alone, then two together, would compute; the right way first."""
        for (body_words, written), name in product(_bodies(body), HASHES):
            rare = self._others if written is body else []
            for at, content in enumerate(_contents(message_id, timestamp, written)):
                content_words, hash_words = self._words(at, content[0], name)
                for key_words, key in chain(self._keys, rare):
                    yield (key_words, content_words, body_words, hash_words), hmac.digest(key, content[1], name)

    def _words(self, at: int, content_words: str, name: str) -> tuple[str, str]:
        """Return what is wrong with a content and a hash, empty where nothing is."""
        is_place, is_hash = any(at == place for place, _ in self._right), any(name == each for _, each in self._right)
        return "" if is_place else content_words, "" if is_hash else say("the hash was {name}", name=name)


def _is_sent(digest: bytes, sent: Iterable[str]) -> bool:
    written = digest.hex(), binascii.b2a_base64(digest, newline=False).decode()
    return any(each in value for value in sent for each in written)


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


def _other_keys(keys: Sequence[SigningKey], others: Sequence[SigningKey], signing: str) -> Iterator[Named]:
    """Yield what is used for the key where neither a secret of the request nor a text of it is."""
    for key in others:
        if key.kind != "ed25519":
            words = say("another secret of this endpoint was used, …{end}, which did not sign this", end=hint(key))
            yield words, key.value if signing in SCHEMES_OF_BYTES else key.text
    for key in keys:
        if key.kind == "hmac" and signing in SCHEMES_OF_BYTES:
            words = say("whsec_ was decoded from base64 too; cut it off before")
            yield from ((words, decoded) for decoded in _decoded_whole(key.text))
        if key.kind != "ed25519":
            yield say("the secret had a line break at its end"), key.text + b"\n"
            yield say("the secret had quotation marks around it"), b'"%b"' % key.text
    yield say("the key was empty; the variable of the secret is not set"), b""


def _decoded_whole(text: bytes) -> Iterator[bytes]:
    """Yield what forgiving decoders make of a whole secret: the underscore passed over, or taken for a slash."""
    for letters in (text.replace(b"_", b""), text.replace(b"_", b"/")):
        bare = letters.rstrip(b"=")
        yield binascii.a2b_base64(bare[: len(bare) - (len(bare) % 4 == 1)] + b"==")
