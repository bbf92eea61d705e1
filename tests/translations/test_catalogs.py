"""No sentence is forgotten: neither by a template, nor by a catalog, nor by what was compiled of it."""

from __future__ import annotations

import re
from pathlib import Path

import polib
import pytest

from deliveries.admin.words.script_words import WORDS
from tests.translations.catalogs import LANGUAGES, forms_of, merged, mistakes, mo_path, read
from tests.translations.glossary import UNWANTED
from tests.translations.plain_text import plain_text
from tests.translations.sources import HERE, in_script, messages

AGAIN = "run `make translations`, and translate what it names (docs/portal.md)"
TEMPLATES = sorted((HERE / "templates").rglob("*.html"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_with_its_placeholders_and_tags(language: str) -> None:
    catalog = read(language)
    wanted = {(message.text, message.plural, message.context) for message in messages()}
    found = {(entry.msgid, entry.msgid_plural, entry.msgctxt or "") for entry in catalog}
    assert wanted - found == set(), AGAIN
    assert found - wanted == set(), AGAIN
    assert [mistake for entry in catalog for mistake in mistakes(entry)] == [], AGAIN
    assert [entry.msgid for entry in catalog if entry.fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_thing_has_one_word_in_each_language(language: str) -> None:
    said = {text for entry in read(language) for _, text in forms_of(entry)}
    assert [text for text in said if re.search(UNWANTED[language], text)] == [], "glossary.py says which"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_says_what_the_catalog_says(language: str) -> None:
    written = {(entry.msgctxt, entry.msgid, entry.msgstr, str(entry.msgstr_plural)) for entry in read(language)}
    compiled = polib.mofile(str(mo_path(language)))
    assert {(entry.msgctxt, entry.msgid, entry.msgstr, str(entry.msgstr_plural)) for entry in compiled} == written, (
        AGAIN
    )
    assert merged(language, messages()).metadata["Plural-Forms"] == compiled.metadata["Plural-Forms"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(HERE / "templates")))
def test_a_template_says_nothing_that_no_tag_translates(path: Path) -> None:
    assert plain_text(path.read_text()) == [], 'write {% translate "…" %}'


def test_a_page_hands_its_scripts_all_that_they_say() -> None:
    said = {message.text for path in (HERE / "static/hookpost").glob("*.js") for message in in_script(path.read_text())}
    assert said == set(WORDS)


def test_a_style_sheet_says_nothing_that_cannot_be_translated() -> None:
    for path in (HERE / "static/hookpost").rglob("*.css"):
        assert re.findall(r'content: *"[^"]*[A-Za-z]{2}', path.read_text()) == [], path.name
