"""JSON that people type: what could not be stored, or could be read in two ways, is refused where it is typed."""

from __future__ import annotations

import pytest
from django import forms

from deliveries.admin.parts.json_field import StoredJSONField


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ('{"a": {"b": 1, "b": 2}}', "An object names /a/b twice."),
        ('{"a": 1, "\\u0041": 2, "A": 3}', "An object names /A twice."),
        ('{"a": 1,}', "This is no JSON: look at line 1, column 9."),
        ('{\n  "a": b\n}', "look at line 2, column 8"),
        ('{"a": NaN}', "This is not JSON that can be stored"),
        ('{"maximum": 9223372036854775808}', "a number or a text in it has no stored form"),
        ('{"a": [-9223372036854775809]}', "a number or a text in it has no stored form"),
        ('{"a": "\\u0000"}', "it holds a NUL character"),
    ],
)
def test_json_with_two_meanings_or_none_is_refused(typed: str, said: str) -> None:
    with pytest.raises(forms.ValidationError, match=said):
        StoredJSONField().clean(typed)


@pytest.mark.parametrize(
    "typed", ['{"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]}', '{"a": 9223372036854775807, "b": -9223372036854775808}']
)
def test_other_json_is_read(typed: str) -> None:
    assert StoredJSONField().clean(typed)["a"]
