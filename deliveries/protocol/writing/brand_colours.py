"""The shades of a colour of somebody's choice, each as light as shade, so that what is readable in shade is in theirs.

What lives here: from #rrggbb to eleven shades. Contrast depends on luminance alone (WCAG 2, 1.4.3), so a shade takes
the hue of the accent and the luminance of our own shade of that number: white on black or yellow, it stays readable.
It must not know pages. Source: Oklab, https://bottosson.github.io/posts/oklab/.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from deliveries.errors import InvalidInput
from deliveries.protocol.writing.sentences import say

# Lightness, chroma and hue in OKLCH: a blue-green over Unfold's shades.
PALETTE: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "50": (0.975, 0.018, 200),
        "100": (0.945, 0.04, 200),
        "200": (0.895, 0.07, 200),
        "300": (0.825, 0.1, 200),
        "400": (0.73, 0.115, 205),
        "500": (0.63, 0.115, 210),
        "600": (0.53, 0.1, 215),
        "700": (0.46, 0.088, 218),
        "800": (0.395, 0.072, 220),
        "900": (0.34, 0.06, 222),
        "950": (0.26, 0.048, 224),
    }
)
_FULLEST = 0.115
_COLOUR = re.compile(r"#[0-9a-f]{6}")
Rgb = tuple[float, float, float]  # linear light, 0 to 1


def check_accent(text: str) -> str:
    """Return a colour in its stored form; raises InvalidInput."""
    if _COLOUR.fullmatch(text.strip().lower()) is None:
        raise InvalidInput(say("a colour is written as #0a7f8c"), field="accent")
    return text.strip().lower()


@lru_cache(maxsize=512)
def shades_of(accent: str) -> Mapping[str, str]:
    """Return the shades of a checked colour, as #rrggbb; without one, shade."""
    if not accent:
        return {name: f"oklch({light * 100:g}% {chroma:g} {hue:g})" for name, (light, chroma, hue) in PALETTE.items()}
    chroma, hue = _chroma_and_hue(_linear(accent))
    return {
        name: _shade(_luminance(_rgb(*shade)), chroma * min(1.0, shade[1] / _FULLEST), hue)
        for name, shade in PALETTE.items()
    }


def _luminance(rgb: Rgb) -> float:
    """Return the relative luminance (WCAG 2)."""
    red, green, blue = (min(max(part, 0.0), 1.0) for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _shade(wanted: float, chroma: float, hue: float) -> str:
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if _luminance(_fitted(middle, chroma, hue)) < wanted else (low, middle)
    return _hex(_fitted(low, chroma, hue))


def _fitted(light: float, chroma: float, hue: float) -> Rgb:
    """Return a colour of a screen: of what no screen shows, the fullest of that hue and lightness."""
    low, high = 0.0, chroma
    if _is_shown(_rgb(light, chroma, hue)):
        return _rgb(light, chroma, hue)
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if _is_shown(_rgb(light, middle, hue)) else (low, middle)
    return _rgb(light, low, hue)


def _is_shown(rgb: Rgb) -> bool:
    return all(-1e-4 <= part <= 1.0001 for part in rgb)


def _rgb(light: float, chroma: float, hue: float) -> Rgb:
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _chroma_and_hue(rgb: Rgb) -> tuple[float, float]:
    red, green, blue = rgb
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return math.hypot(a, b), math.degrees(math.atan2(b, a))


def _linear(colour: str) -> Rgb:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _light(red), _light(green), _light(blue)


def _light(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _hex(rgb: Rgb) -> str:
    parts = [min(max(part, 0.0), 1.0) for part in rgb]
    written = [12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055 for part in parts]
    return "#" + "".join(f"{round(part * 255):02x}" for part in written)
