"""How a body that a receiver had differs from the one that was sent, in words.

What lives here: the usual ways in which a body is changed before its signature is checked. It must not know
signatures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from deliveries.protocol.checking.findings import Finding, fault, fine
from deliveries.protocol.checking.printed_bodies import encoded_bodies, is_cut_buffer, is_python_dict, printed_bodies
from deliveries.protocol.writing.sentences import say

SHOWN = 24
REWRITE_LIMIT_BYTES = 64 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_NOTHING: Final = object()


def compare_bodies(sent: bytes, got: bytes) -> Finding:
    """Return how they differ; the first cause that explains all of it."""
    if got == sent:
        return fine("same_body", say("The body is byte for byte what was sent."))
    return _of_bytes(sent, got) or _of_json(sent, got) or _of_printout(sent, got) or _elsewhere(sent, got)


def rewritten(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a body as programs write it after they have parsed it, each with the way in words."""
    parsed = _parsed(body)
    if parsed is _NOTHING or len(body) > REWRITE_LIMIT_BYTES:
        return
    ways: tuple[tuple[str, dict[str, object]], ...] = (
        (say("without spaces"), {"separators": (",", ":"), "ensure_ascii": False}),
        (say("with a space behind commas and colons, as Python's json.dumps does"), {}),
        (say("with sorted keys"), {"separators": (",", ":"), "sort_keys": True, "ensure_ascii": False}),
        (say("without spaces, and with escapes for letters beyond ASCII"), {"separators": (",", ":")}),
        (say("with line breaks"), {"indent": 2, "ensure_ascii": False}),
        (say("with spaces, and letters beyond ASCII as they are"), {"ensure_ascii": False}),
    )
    made = [(words, _written(parsed, options)) for words, options in ways]
    made.append((say("as PHP's json_encode writes it"), made[3][1].replace(b"/", b"\\/")))
    made.append((say("as Go's json.Marshal writes it"), _as_go_writes(made[2][1])))
    yield from ((words, written) for words, written in made if written != body)


def _of_bytes(sent: bytes, got: bytes) -> Finding | None:
    if not got:
        return fault("empty_body", say("The body is empty: something had read it before, such as a JSON middleware."))
    if got.strip() == sent.strip():
        return fault(
            "space_at_the_ends",
            say("White space at its end was cut off or added, by your code or by pasting; the raw bytes are signed."),
        )
    if got.replace(b"\r\n", b"\n") == sent.replace(b"\r\n", b"\n"):
        return fault("line_breaks", say("Its line breaks were changed; the raw bytes are signed."))
    if got.removeprefix(_BOM) == sent:
        return fault("byte_order_mark", say("A byte order mark was put in front; the raw bytes are signed."))
    if _as_latin_1(got) == sent:
        return fault(
            "wrong_charset", say("The body was read as Latin-1 or Windows-1252; it is UTF-8. Sign the raw bytes.")
        )
    return None


def _of_json(sent: bytes, got: bytes) -> Finding | None:
    had, was = _parsed(got), _parsed(sent)
    if had is _NOTHING or was is _NOTHING:
        return None
    if had == was:
        return _written_again(sent, got)
    if _parsed(got, all_floats=True) == _parsed(sent, all_floats=True):
        says = say(
            "The body was parsed and written again, with large numbers rounded as JavaScript does: take the raw bytes, "
            "before anything parses them. {place}",
            place=_place(sent, got),
        )
        return fault("parsed_and_written_again", says)
    if isinstance(was, dict) and had == was.get("data", _NOTHING):
        return fault("data_only", say("This is the member data alone; the whole body is signed."))
    return None


def _written_again(sent: bytes, got: bytes) -> Finding:
    way, place = next((words for words, written in rewritten(sent) if written == got), None), _place(sent, got)
    code = "parsed_and_written_again"
    if way is None:
        return fault(
            code,
            say(
                "The body was parsed and written again: the same JSON, other bytes. Take the raw bytes, before "
                "anything parses them. {place}",
                place=place,
            ),
        )
    return fault(
        code,
        say(
            "The body was parsed and written again, {way}: the same JSON, other bytes. Take the raw bytes, before "
            "anything parses them. {place}",
            way=way,
            place=place,
        ),
    )


def _of_printout(sent: bytes, got: bytes) -> Finding | None:
    """Return what is found of the body that a printout stands for, where that explains more than the printout."""
    for printed in printed_bodies(got):
        if printed == sent:
            return fine("same_body", say("In this printout the body is byte for byte what was sent."))
        if (found := _of_bytes(sent, printed) or _of_json(sent, printed)) is not None:
            return found
    for name, held in encoded_bodies(got):
        if held == sent:
            says = say("This is {name} of just the bytes that were sent: decode it first, and verify those.", name=name)
            return fault("still_encoded", says)
    if is_cut_buffer(got):
        return fault("printed_short", say("Node prints the first bytes of a Buffer alone: paste body.toString()."))
    if is_python_dict(got):
        says = say("This is what Python prints of parsed JSON. Take the raw bytes, before anything parses them.")
        return fault("parsed_and_written_again", says)
    return None


def _elsewhere(sent: bytes, got: bytes) -> Finding:
    if sent.startswith(got):
        return fault(
            "cut_off",
            say(
                "The body was cut off after {number} of {number_2} bytes.",
                number=f"{len(got):,}",
                number_2=f"{len(sent):,}",
            ),
        )
    return fault("other_body", say("This is another body than the one that was sent. {place}", place=_place(sent, got)))


def _place(sent: bytes, got: bytes) -> str:
    at = next((place for place, (a, b) in enumerate(zip(sent, got, strict=False)) if a != b), min(len(sent), len(got)))
    was, had = (raw[at : at + SHOWN].decode("utf-8", "replace") for raw in (sent, got))
    return say(
        "The first difference is at byte {at}: {was} was sent, {had} is here.",
        at=f"{at:,}",
        was=repr(was),
        had=repr(had),
    )


def _as_latin_1(got: bytes) -> bytes | None:
    for charset in ("latin-1", "cp1252"):
        try:
            return got.decode("utf-8").encode(charset)
        except UnicodeError:
            continue
    return None


def _parsed(raw: bytes, *, all_floats: bool = False) -> object:
    try:
        return json.loads(raw, parse_int=float if all_floats else None)
    except (ValueError, RecursionError):
        return _NOTHING


def _written(parsed: object, options: dict[str, object]) -> bytes:
    return json.dumps(parsed, **options).encode("utf-8", "replace")  # type: ignore[arg-type]


def _as_go_writes(written: bytes) -> bytes:
    for sign in b"<>&":
        written = written.replace(bytes([sign]), b"\\u%04x" % sign)
    return written
