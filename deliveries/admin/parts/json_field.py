"""A form field for JSON that PostgreSQL can store.

What lives here: what Python's reader lets through and jsonb does not. It must not know what the JSON means.
"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext, gettext_noop
from unfold.widgets import UnfoldAdminExpandableTextareaWidget

from deliveries.errors import InvalidMember
from deliveries.protocol.writing.json_members import WHOLE_NUMBERS, check_members
from deliveries.services.common.languages import tell

DEPTH_LIMIT = 100
LENGTH_LIMIT = 65_536
REFUSED = gettext_noop("This is not JSON that can be stored: {}")


class StoredJSONField(forms.JSONField):
    """JSON without NaN, NUL, lone surrogates, numbers beyond 64 bits, or nesting without end."""

    widget = UnfoldAdminExpandableTextareaWidget(attrs={"class": "hp-wide hp-code hp-json", "spellcheck": "false"})

    def to_python(self, value: object) -> Any:
        """Read the text, or say what is wrong with it."""
        if isinstance(value, str) and len(value) > LENGTH_LIMIT:
            raise forms.ValidationError(tell("At most {number} characters.", number=LENGTH_LIMIT))
        try:
            read = super().to_python(value)
            if isinstance(value, str) and read is not None:
                json.loads(value, parse_int=_whole)
            text = json.dumps(read, allow_nan=False)
            text.encode("utf-8")
            json.dumps(read, ensure_ascii=False).encode("utf-8")
        except forms.ValidationError as error:
            raise _placed(error) from error
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(
                gettext(REFUSED).format(gettext("a number or a text in it has no stored form"))
            ) from error
        if "\\u0000" in text:
            raise forms.ValidationError(gettext(REFUSED).format(gettext("it holds a NUL character")))
        if isinstance(value, str):
            _check_members(value, read)
        return read

    def bound_data(self, data: object, initial: object) -> object:
        """Keep what was typed as it was typed."""
        return None if data is None else InvalidJSONInput(data)

    def prepare_value(self, value: object) -> Any:
        """Show stored JSON with line breaks."""
        if value is None or isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)


def _placed(error: forms.ValidationError) -> forms.ValidationError:
    """Return the refusal of what is no JSON with the place where reading ended."""
    cause = error.__context__
    if not isinstance(cause, json.JSONDecodeError):
        return error
    words = tell("This is no JSON: look at line {line}, column {column}.", line=cause.lineno, column=cause.colno)
    return forms.ValidationError(words, code=error.code)


def _whole(digits: str) -> int:
    number = int(digits)
    if number not in WHOLE_NUMBERS:
        raise ValueError("a whole number has at most 64 bits")
    return number


def _check_members(value: str, read: object) -> None:
    try:
        check_members(value.encode(), read)
    except InvalidMember as error:
        raise forms.ValidationError(f"A{str(error)[1:]}.") from error
