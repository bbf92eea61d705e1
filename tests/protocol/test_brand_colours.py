"""Shades of any colour are as readable as ours."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import InvalidInput
from deliveries.protocol.writing.brand_colours import check_accent, shades_of


def luminance_of(colour: str) -> float:
    """Relative luminance (WCAG 2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


OURS = {name: luminance_of(shade) for name, shade in shades_of("#0a7f8c").items()}


def contrast(one: float, other: float) -> float:
    """Of two luminances (WCAG 2, 1.4.3)."""
    light, dark = max(one, other), min(one, other)
    return (light + 0.05) / (dark + 0.05)


@given(st.integers(0, 0xFFFFFF))
def test_text_in_any_accent_is_readable_and_so_is_white_on_it(number: int) -> None:
    shades = shades_of(f"#{number:06x}")
    assert all(re.fullmatch("#[0-9a-f]{6}", shade) for shade in shades.values())
    light = {name: luminance_of(shade) for name, shade in shades.items()}
    assert contrast(light["600"], 1.0) >= 4.5  # links on white, white on buttons
    assert contrast(light["800"], light["50"]) >= 7  # notices
    assert contrast(light["400"], luminance_of("#101828")) >= 4.5  # links in the dark
    assert list(light.values()) == sorted(light.values(), reverse=True)


@pytest.mark.parametrize("accent", ["#ffff00", "#000000", "#ffffff", "#ff00ff", "#00ff00", "#0000ff"])
def test_a_shade_is_as_light_as_ours(accent: str) -> None:
    for name, shade in shades_of(accent).items():
        assert luminance_of(shade) == pytest.approx(OURS[name], abs=0.02), name


@pytest.mark.parametrize("text", ["", "red", "#fff", "#12345g", "url(#a)", "#123456;}", "#1234567"])
def test_other_words_for_a_colour_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        check_accent(text)
