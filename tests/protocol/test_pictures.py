"""Which pictures are taken: small ones that only draw."""

from __future__ import annotations

import struct
import zlib

import pytest

from deliveries.pictures import PNG, SIZE_LIMIT_BYTES, SVG, check_picture

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
DRAWN = f'<svg {NS} viewBox="0 0 8 8"><defs><path id="a" d="M0 0h8"/></defs><use xlink:href="#a" fill="url(#b)"/></svg>'


def a_png(width: int = 8, height: int = 8) -> bytes:
    """A picture of one colour."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))]
    parts += [(b"IDAT", zlib.compress((b"\0" + b"\x7f" * 8) * 8)), (b"IEND", b"")]
    sums = [zlib.crc32(kind + data) for kind, data in parts]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", total)
        for (kind, data), total in zip(parts, sums, strict=True)
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_png_and_a_drawn_svg_are_taken() -> None:
    assert check_picture(a_png()) == PNG
    for text in (DRAWN, f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- a mark -->\n{DRAWN}'):
        assert check_picture(text.encode()) == SVG


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<path onload="alert(1)"/>',
        '<path xlink:href="javascript:alert(1)"/>',
        '<use href="https://evil.example/a.svg#x"/>',
        "<foreignObject/>",
        '<image href="https://evil.example/"/>',
        '<a href="#a"/>',
        '<animate attributeName="href" to="javascript:alert(1)"/>',
        '<set attributeName="onload" to="alert(1)"/>',
        "<style>@import url(https://evil.example/)</style>",
        '<path style="fill: url(https://evil.example/)"/>',
        '<path style="fill: u\\72l(https://evil.example/)"/>',
        "<path fill=\"url( '//evil.example/')\"/>",
        '<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
        '<svg:script xmlns:svg="http://www.w3.org/2000/svg"/>',
        "<![CDATA[<script/>]]>",
        '<?xml-stylesheet href="https://evil.example/"?>',
        "<path style=\"mask: image-set('https://evil.example/' 1x)\"/>",
        "<g/>" * 2001,
    ],
)
def test_an_svg_that_does_more_than_draw_is_refused(inside: str) -> None:
    with pytest.raises(ValueError, match="SVG"):
        check_picture(f"<svg {NS}>{inside}</svg>".encode())


def steps(form: str, *, number: int = 16) -> str:
    """Groups of which each draws the one before it twice."""
    return f'<g id="a0"/>{"".join(form.format(before=step, own=step + 1) for step in range(number))}'


@pytest.mark.parametrize(
    "inside",
    [
        steps('<g id="a{own}"><use href="#a{before}"/><use xlink:href="#a{before}"/></g>'),
        steps('<mask id="a{own}"><g mask="url(#a{before})"/><g mask="url( \'#a{before}\' )"/></mask>'),
        steps('<clipPath id="a{own}"><g style="clip-path:URL(#a{before})"/><use href="#%61{before}"/></clipPath>'),
        '<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>',
    ],
)
def test_an_svg_that_draws_the_same_again_and_again_is_refused(inside: str) -> None:
    with pytest.raises(ValueError, match="draws at most 10,000 elements"):
        check_picture(f"<svg {NS}>{inside}</svg>".encode())


def test_an_svg_may_use_parts_again_and_paint_much_with_one_gradient() -> None:
    paint = f'<linearGradient id="p">{"<stop/>" * 100}</linearGradient>'
    parts = f'<symbol id="s">{"<g/>" * 20}</symbol>' + '<use href="#s"/>' * 300
    assert check_picture(f"<svg {NS}>{paint}{parts}".encode() + b'<rect fill="url(#p)"/>' * 1000 + b"</svg>") == SVG


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<html/>",
        b"<svg/>",
        DRAWN.encode("utf-16"),
        f'<!DOCTYPE svg [<!ENTITY a "b">]>{DRAWN}'.encode(),
        b"\xff" + DRAWN.encode(),
        DRAWN.encode() + b" " * SIZE_LIMIT_BYTES,
        a_png()[:40],
        a_png() + b"<script>",
        a_png(width=60_000, height=60_000),
        a_png(width=0),
    ],
)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"PNG|SVG|picture"):
        check_picture(content)
