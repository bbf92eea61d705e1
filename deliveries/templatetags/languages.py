"""What templates say about the language of a page, after `{% load languages %}`.

What lives here: the language's code, a sentence of a service and a number in it, what scripts say. It knows no page.
"""

from __future__ import annotations

from django.template import Library
from django.utils.formats import number_format

from deliveries.admin.parts.badges import state_word
from deliveries.admin.words.script_words import script_words
from deliveries.services.common.languages import in_words, spoken

register = Library()


@register.simple_tag
def page_language() -> str:
    """Write which language the page is in, for `<html lang>`."""
    return spoken()


@register.filter
def said(text: object) -> object:
    """Write a sentence that a service made in the page's language."""
    return in_words(text) if isinstance(text, str) else text


@register.filter
def grouped(number: object) -> object:
    """Write a number as the language groups its digits; what is no number as it is."""
    return number_format(number, force_grouping=True) if isinstance(number, int) else number


register.simple_tag(script_words)
register.filter(state_word)
