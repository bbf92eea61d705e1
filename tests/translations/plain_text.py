"""Text of a template that no tag translates.

What lives here: finding it. A template's tags are taken out as its lexer sees them, and what is left is read as HTML.
It must not know a language.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from django.template.base import Lexer, TokenType

SPOKEN = ("aria-label", "placeholder", "title", "alt", "label")
SILENT_TAGS = ("script", "style", "code", "pre")
SILENT_CLASSES = {"material-symbols-outlined", "hp-code"}  # icons, and what programs read
LETTERS = re.compile(r"[A-Za-z]{2,}")
IN_TAG = re.compile(
    r"""(?:\b(?:label|words|text|title|none|heading)=|default(?:_if_none)?:|yesno:)"([^"]*[A-Za-z]{2}[^"]*)\""""
)
CLASSES = ("block bodyclass", "block coltype")
ALLOWED = {
    "Hookpost",
    "UTC",
    "URL",
    "URLs",
    "JSON",
    "REST",
    "API",
    "curl",
    "ms",
    "HTTP",
    "IP",
    "DNS",
    "TLS",
    "TTL",
    "of",
}


def plain_text(source: str) -> list[str]:
    """Return each piece of text that a reader sees in English whatever their language is."""
    finder = _Finder()
    finder.feed("".join(_markup(source)))
    finder.close()
    return [*finder.found, *_in_tags(source)]


def _markup(source: str) -> list[str]:
    """Return the template without its tags; a value leaves a blank, and what a block translates leaves nothing."""
    kept, left_out = [], ""
    for token in Lexer(source).tokenize():
        if token.token_type == TokenType.BLOCK:
            name = token.contents.split(" ", 1)[0]
            begins = name in ("blocktranslate", "comment") or token.contents in CLASSES
            left_out = name if begins and not left_out else "" if name == f"end{left_out}" else left_out
            kept.append(" ")
        elif token.token_type == TokenType.TEXT and not left_out:
            kept.append(token.contents)
        else:
            kept.append(" ")
    return kept


def _in_tags(source: str) -> list[str]:
    """Return texts that are written into a tag without `_()`."""
    tags = [
        token.contents for token in Lexer(source).tokenize() if token.token_type in (TokenType.BLOCK, TokenType.VAR)
    ]
    return [match[1] for tag in tags for match in IN_TAG.finditer(tag) if match[1] not in ("default", "true,false")]


class _Finder(HTMLParser):
    """Collects what is shown or read aloud."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = (dict(attrs).get("class") or "").split()
        if tag in SILENT_TAGS or SILENT_CLASSES.intersection(classes):
            self.silent.append(tag)
        for name, value in attrs:
            if name in SPOKEN:
                self._look(value or "")

    def handle_endtag(self, tag: str) -> None:
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self._look(data)

    def _look(self, text: str) -> None:
        if [word for word in LETTERS.findall(text) if word not in ALLOWED]:
            self.found.append(" ".join(text.split()))
