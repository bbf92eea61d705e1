"""Pieces of HTML are what Django's own functions write, in whatever language they are asked for."""

from __future__ import annotations

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, override
from hypothesis import given
from hypothesis import strategies as st

from deliveries.admin.parts.badges import badge, dotted
from deliveries.admin.parts.pieces import joined, piece

HOSTILE = "\"><script>alert('1')</script>&amp;"
VALUES = st.one_of(
    st.text(),
    st.integers(),
    st.none(),
    st.just(HOSTILE),
    st.text().map(SafeString),
    st.just(gettext_lazy("Search")),
)
FORM = '<a href="{}" title="{1}">{0}</a>'.replace("{}", "{0}")


@given(VALUES, VALUES)
def test_a_piece_is_what_django_writes(one: object, other: object) -> None:
    made = piece(FORM, one, other)
    assert made == format_html(FORM, one, other)
    assert isinstance(made, SafeString)


@given(st.lists(st.tuples(VALUES, VALUES)))
def test_joined_pieces_are_what_django_writes(rows: list[tuple[object, object]]) -> None:
    made = joined("<p>{}: {}</p>", rows, sign="<br>")
    assert made == format_html_join(SafeString("<br>"), "<p>{}: {}</p>", rows)
    assert isinstance(made, SafeString)


def test_a_state_is_said_in_the_language_of_each_reader_in_turn() -> None:
    """Given one state for two readers after each other, then neither gets the other's word."""
    words = {}
    for language in ("en", "de", "en"):
        with override(language):
            words.setdefault(language, set()).add(badge("held"))
    assert all(len(said) == 1 for said in words.values())
    assert words["en"] != words["de"]


def test_the_name_of_a_type_may_break_after_a_dot_and_is_escaped() -> None:
    assert dotted("a.<b>.c") == "a.<wbr>&lt;b&gt;.<wbr>c"
