"""Fields of forms that are written without templates: the same as Unfold's, and few templates for a form of forty."""

from __future__ import annotations

import re
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
from django import forms
from django.contrib.admin.options import HORIZONTAL
from django.forms.renderers import get_default_renderer
from django.template import Template
from django.test import Client
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
    UnfoldBooleanWidget,
)

from deliveries.admin.parts.form_widgets import WRITERS, PlainRenderer
from tests.pages.conftest import House

HOSTILE = "\"><script>alert('1')</script>&amp;"
CHOICES = [("", "none"), ("a&b", HOSTILE), (1, "one"), ("group <b>", [("x", "in a group")])]
WIDGETS: list[tuple[forms.Widget, list[Any]]] = [
    (UnfoldAdminTextInputWidget(attrs={"placeholder": HOSTILE, "class": "hp-wide"}), [None, "", HOSTILE, 5]),
    (UnfoldAdminTextInputWidget(attrs={"prefix": "EUR"}), ["5"]),
    (UnfoldAdminIntegerFieldWidget(attrs={"min": 0, "required": True, "disabled": False}), [None, 0, 12_000]),
    (UnfoldAdminPasswordWidget(), [None, "secret"]),
    (UnfoldAdminTextareaWidget(attrs={"rows": 3}), [None, "", f"two\nlines {HOSTILE}"]),
    (UnfoldBooleanWidget(), [None, True, False]),
    (UnfoldBooleanSwitchWidget(), [True, False]),
    (UnfoldAdminSelectWidget(choices=CHOICES), [None, "", "a&b", 1, "x"]),
    (UnfoldAdminCheckboxSelectMultipleWidget(choices=CHOICES), [None, [], ["a&b", "x"]]),
    (UnfoldAdminRadioSelectWidget(choices=CHOICES), [None, "x"]),
    (UnfoldAdminRadioSelectWidget(HORIZONTAL, choices=CHOICES), ["x"]),
]


def squeezed(html: str) -> str:
    """HTML without white space that no browser shows."""
    return re.sub(r"\s*([<>])\s*", r"\1", re.sub(r"\s+", " ", html))


@pytest.mark.parametrize(("widget", "values"), WIDGETS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("attrs", [{"id": "id_a"}, {}, {"id": "id_a", "aria-describedby": "id_a_helptext"}])
def test_a_field_is_what_unfolds_templates_make_of_it(
    widget: forms.Widget, values: list[Any], attrs: dict[str, str]
) -> None:
    for value in values:
        made = deepcopy(widget).render("a<b", value, attrs, PlainRenderer())  # some of Unfold's forget their attributes
        assert squeezed(made) == squeezed(deepcopy(widget).render("a<b", value, attrs, get_default_renderer())), value
        assert "<script>" not in made


def test_all_that_is_written_here_is_held_against_its_template() -> None:
    assert set(WRITERS) <= {widget.template_name for widget, _ in WIDGETS}  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_the_form_of_an_endpoint_takes_few_templates(
    alice: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: Counter[str | None] = Counter()
    render = Template._render

    def counting(template: Template, context: Any) -> Any:
        rendered[template.name] += 1
        return render(template, context)

    monkeypatch.setattr(Template, "_render", counting)
    text = alice.get(f"/admin/deliveries/endpoint/{acme.endpoint.public_id}/change/").content.decode()
    assert text.count("field-line") >= 40
    assert 0 < rendered.total() <= 150, rendered.most_common(9)
