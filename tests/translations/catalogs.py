"""The .po and .mo files of deliveries/locale.

What lives here: reading, merging and writing them, the glossary at their top included. It must not know where messages
come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import polib

from tests.translations.glossary import GLOSSARY
from tests.translations.sources import HERE, Message

LANGUAGES = ("de", "fr", "es")
PLURALS = {
    "de": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
    "es": "nplurals=2; plural=(n != 1);",
}
HOLES = re.compile(r"%\(\w+\)[sd]|\{\w*(?:![rsa])?(?::[^}]*)?\}|%[sd%]")
TAGS = re.compile(r"</?[a-z][^>]*>")


def po_path(language: str) -> Path:
    """Return where the catalog of a language is."""
    return HERE / "locale" / language / "LC_MESSAGES" / "django.po"


def mo_path(language: str) -> Path:
    """Return where its compiled form is."""
    return po_path(language).with_suffix(".mo")


def read(language: str) -> polib.POFile:
    """Return the catalog of a language; an empty one while there is none."""
    path = po_path(language)
    return polib.pofile(str(path), wrapwidth=0) if path.exists() else polib.POFile(wrapwidth=0)


def merged(language: str, wanted: Mapping[Message, Iterable[str]]) -> polib.POFile:
    """Return the catalog with all messages that are wanted and no other; what was translated stays."""
    known = {Message(entry.msgid, entry.msgid_plural, entry.msgctxt or ""): entry for entry in read(language)}
    catalog = polib.POFile(wrapwidth=0)
    catalog.header = "\n".join((f"Hookpost, {language}.", "", *GLOSSARY[language]))
    catalog.metadata = {
        "Project-Id-Version": "hookpost",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": PLURALS[language],
    }
    for message, places in wanted.items():
        catalog.append(_entry(message, places, known.get(message)))
    return catalog


def _entry(message: Message, places: Iterable[str], known: polib.POEntry | None) -> polib.POEntry:
    occurrences = [(place, "") for place in places]
    if message.plural:
        forms = known.msgstr_plural if known else {0: "", 1: ""}
        return polib.POEntry(
            msgid=message.text, msgid_plural=message.plural, msgstr_plural=forms, occurrences=occurrences
        )
    return polib.POEntry(
        msgid=message.text,
        msgctxt=message.context or None,
        msgstr=known.msgstr if known else "",
        occurrences=occurrences,
    )


def write(language: str, catalog: polib.POFile) -> None:
    """Write both files of a language."""
    po_path(language).parent.mkdir(parents=True, exist_ok=True)
    catalog.save(str(po_path(language)))
    mo_path(language).write_bytes(catalog.to_binary())


def forms_of(entry: polib.POEntry) -> list[tuple[str, str]]:
    """Return each form of a message with its translation."""
    if not entry.msgid_plural:
        return [(entry.msgid, entry.msgstr)]
    return [
        (entry.msgid_plural if number or not HOLES.search(entry.msgid) else entry.msgid, text)
        for number, text in sorted(entry.msgstr_plural.items())
    ]


def mistakes(entry: polib.POEntry) -> list[str]:
    """Return what is wrong with a translation: it is missing, or has other placeholders or tags than the message."""
    found = []
    for message, text in forms_of(entry):
        if not text:
            found.append(f"not translated: {message!r}")
        elif sorted(HOLES.findall(message)) != sorted(HOLES.findall(text)):
            found.append(f"other placeholders: {message!r} -> {text!r}")
        elif sorted(TAGS.findall(message)) != sorted(TAGS.findall(text)):
            found.append(f"other tags: {message!r} -> {text!r}")
        elif message[:1].isspace() != text[:1].isspace() or message[-1:].isspace() != text[-1:].isspace():
            found.append(f"other blanks at its ends: {message!r} -> {text!r}")
    return found
