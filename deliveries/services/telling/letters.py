"""What a letter is made of, and its two forms: plain text, and the same lines as HTML in the look of a brand.

What lives here: the forms. Whoever chose what stands in a line, it is text: the template escapes it, and a link is made
of an address of ours alone. Nothing in a letter is loaded from anywhere. It must not know what a letter is about, nor
how it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.template import Context, Engine, Template

from deliveries.protocol.writing.brand_colours import shades_of
from deliveries.services.common.languages import spoken
from deliveries.services.people.brands import Brand

OUR_ACCENT = "#0e7490"  # mail programs read no other way to write a colour
READABLE = "600"  # the shade that white is read on


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a letter; with an address of ours, `words` are what its link says instead of the text."""

    text: str
    url: str = ""
    words: str = ""
    is_heading: bool = False


Part = Sequence[str | Line]  # a paragraph


def link_line(url: str, words: str) -> Line:
    """Return a line that is an address of ours."""
    return Line(text=url, url=url, words=words)


def as_text(parts: Iterable[Part], foot: Part = ()) -> str:
    """Return a letter's plain text; what is under it comes after the sign for that (RFC 3676, 4.3)."""
    body = "\n\n".join(_joined(part) for part in parts) + "\n"
    return f"{body}\n-- \n{_joined(foot)}\n" if foot else body


def as_html(parts: Iterable[Part], foot: Part = (), *, subject: str, brand: Brand) -> str:
    """Return a letter's HTML, in the language that is spoken now."""
    shown = {
        "language": spoken(),
        "subject": subject,
        "brand": brand.name,
        "accent": shades_of(brand.accent or OUR_ACCENT)[READABLE],
        "parts": [[_line(each) for each in part] for part in parts],
        "foot": [_line(each) for each in foot],
    }
    return _template().render(Context(shown))


def _joined(part: Part) -> str:
    return "\n".join(_line(each).text for each in part)


def _line(given: str | Line) -> Line:
    return given if isinstance(given, Line) else Line(text=given)


@lru_cache(maxsize=1)
def _template() -> Template:
    """Return our template, whatever engines a project has."""
    engine = Engine(dirs=[str(Path(__file__).resolve().parents[2] / "templates")])
    return engine.get_template("hookpost/letter.html")
