"""Bodies of answers for people: inflated, decoded, or in hex, and never at an attacker's cost."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.protocol.answers.answer import Answer, without
from deliveries.protocol.answers.shown_body import INFLATED_LIMIT_BYTES, ShownBody, shown_body

WORDS = "Grüße, 東京"


def headers(content_type: str = "", encoding: str = "") -> str:
    """The stored lines."""
    return f"server: x\ncontent-type: {content_type}\ncontent-encoding: {encoding}"


@pytest.mark.parametrize(
    ("text", "charset", "codec"),
    [
        (WORDS, "utf-8", "utf-8"),
        (WORDS, "UTF8", "utf-8"),
        ("Grüße", "ISO-8859-1", "latin-1"),
        ("“Grüße” €", "windows-1252", "cp1252"),
        ("Žluťoučký", "iso-8859-2", "iso8859-2"),
        ("Привет", "windows-1251", "cp1251"),
        ("Привет", "KOI8-R", "koi8-r"),
        ("東京", "Shift_JIS", "shift_jis"),
        ("東京", "EUC-JP", "euc_jp"),
        ("东京", "gb2312", "gb2312"),
        ("東京", "Big5", "big5"),
        ("서울", "euc-kr", "euc_kr"),
    ],
)
def test_a_body_is_read_by_the_charset_that_it_came_with(text: str, charset: str, codec: str) -> None:
    for written in (f"text/html; charset={charset}", f'text/html;charset="{charset}"'):
        shown = shown_body(text.encode(codec), headers(written))
        assert (shown.text, shown.format) == (text, "text")


@pytest.mark.parametrize("charset", ["unknown", "x-user-defined", "utf-7", "none"])
def test_a_text_whose_charset_is_not_known_is_read_as_utf_8_where_it_can_be(charset: str) -> None:
    shown = shown_body("grüße\r\n".encode(), headers(f"text/plain; charset={charset}"))
    assert shown == ShownBody(text="grüße\r\n", format="text", note=f"read as utf-8, because {charset} is not known")


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "deflate"])
def test_a_compressed_body_is_inflated(encoding: str) -> None:
    raw = WORDS.encode()
    body = zlib.compress(raw) if encoding == "deflate" else gzip.compress(raw)
    assert shown_body(body, headers(encoding=encoding)) == ShownBody(
        text=WORDS, format="text", note=f"inflated from {encoding.lower()}"
    )


def test_deflate_without_its_header_is_inflated_too() -> None:
    pressed = zlib.compressobj(wbits=-15)
    assert shown_body(pressed.compress(b"raw") + pressed.flush(), headers(encoding="deflate")).text == "raw"


def test_of_a_compressed_body_that_was_cut_the_beginning_is_shown() -> None:
    text = "".join(chr(33 + number * 7919 % 90) for number in range(9000))
    cut = gzip.compress(text.encode())[:2000]
    shown = shown_body(cut, headers(encoding="gzip"))
    assert text.startswith(shown.text)
    assert len(shown.text) > 1000


def test_a_bomb_costs_no_more_than_the_cap() -> None:
    assert len(shown_body(gzip.compress(bytes(50_000_000)), headers(encoding="gzip")).text) == INFLATED_LIMIT_BYTES


@pytest.mark.parametrize(
    ("body", "lines", "why"),
    [
        (b"\x1f\x8b", headers(encoding="br"), "its content-encoding br is not read"),
        (b"no gzip", headers(encoding="gzip"), "its content-encoding gzip is not read"),
        (b"\xff\xfe", "", "it cannot be read as utf-8"),
        (b"\xff\xfe", headers("application/octet-stream"), "it cannot be read as utf-8"),
        (b"\xff", headers("text/html; charset=utf-8"), "it cannot be read as utf-8"),
        (b"\x1b$BF|", headers("text/html; charset=iso-2022-jp"), "it cannot be read as iso-2022-jp"),
        ("ab".encode("utf-16"), headers("text/html; charset=utf-16"), "it cannot be read as utf-16"),
        (b"\x81", headers("text/html; charset=windows-1252"), "it cannot be read as windows-1252"),
    ],
)
def test_what_cannot_be_read_is_shown_in_hex_and_said_so(body: bytes, lines: str, why: str) -> None:
    assert shown_body(body, lines) == ShownBody(text=body.hex(" "), format="hex", note=f"in hex, because {why}")


def test_a_text_that_says_nothing_is_read_as_browsers_read_it() -> None:
    assert shown_body(WORDS.encode(), headers("text/plain")) == ShownBody(text=WORDS, format="text")
    assert shown_body(b"Gr\xfc\xdfe", headers("text/plain")) == ShownBody(
        text="Grüße", format="text", note="read as windows-1252"
    )


def test_a_character_that_was_cut_is_left_out() -> None:
    assert shown_body("Grü".encode()[:-1], headers("application/json")).text == "Gr"


@given(st.binary(max_size=300), st.sampled_from(["", "gzip", "deflate", "br"]), st.text(max_size=40))
def test_no_answer_breaks_its_page(body: bytes, encoding: str, content_type: str) -> None:
    shown = shown_body(body, headers(content_type, encoding))
    assert shown.format in ("text", "hex")
    assert len(shown.text) <= INFLATED_LIMIT_BYTES


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_secret_that_is_echoed_compressed_is_hidden_too(encoding: str) -> None:
    raw = b"you sent Bearer topsecretvalue"
    body = zlib.compress(raw) if encoding == "deflate" else gzip.compress(raw)
    answer = Answer(status=200, headers=(("content-encoding", encoding), ("x", "1")), body=body)
    hidden = without(answer, ["topsecretvalue"])
    assert (hidden.body, hidden.headers) == (b"you sent Bearer [hidden]", (("x", "1"),))
    assert without(answer, ["anotherone"]) == answer
