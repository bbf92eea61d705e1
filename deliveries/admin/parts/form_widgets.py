"""Fields of forms as HTML, written here where a template of Unfold includes three others: a form has forty fields.

What lives here: the kinds of fields that are made by the dozen; all else is rendered as ever. It must not know a form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict, cast

from django.contrib.admin.options import HORIZONTAL
from django.forms.renderers import BaseRenderer, get_default_renderer
from django.http import HttpRequest
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

DECORATED = ("prefix", "prefix_icon", "suffix", "suffix_icon")
ARROW = (
    '<span class="material-symbols-outlined absolute group-[.primary]:text-white pointer-events-none mr-[12px] right-0 '
    "text-base-400 top-0 top-1/2 hover:text-base-700 dark:text-base-500 dark:hover:text-base-200 "
    '-translate-y-1/2">expand_more</span>'
)


class Widget(TypedDict, total=False):
    """What Django hands to the template of a field, of a group of choices, or of a choice."""

    name: str
    type: str
    value: object
    label: str
    wrap_label: bool
    attrs: Mapping[str, object]
    optgroups: Sequence[tuple[str | None, Sequence[Widget], int]]


class PlainRenderer(BaseRenderer):
    """Writes plain fields, and leaves the others to the project's renderer."""

    def get_template(self, template_name: str) -> object:
        """Return a template of the project's renderer."""
        return get_default_renderer().get_template(template_name)

    def render(self, template_name: str, context: dict[str, object], request: HttpRequest | None = None) -> str:
        """Return the HTML of a field."""
        write, widget = WRITERS.get(template_name), cast(Widget, context.get("widget", {}))
        is_upright = context.get("radio_style") != HORIZONTAL and context.keys() <= {"widget", "radio_style"}
        if write is None or not is_upright or any(map(widget.get, DECORATED)):
            return super().render(template_name, context, request)
        return SafeString(write(widget))


PLAIN: BaseRenderer | type[BaseRenderer] | None = PlainRenderer  # as Django declares a form's renderer


def _input(widget: Widget) -> str:
    """Write a box for a line, a number or a tick."""
    value = "" if widget["value"] is None else f' value="{_escaped(widget["value"])}"'
    return f'<input type="{widget["type"]}" name="{_escaped(widget["name"])}"{value}{_attributes(widget)}>'


def _text(widget: Widget) -> str:
    return f'<div class="max-w-2xl relative w-full">{_input(widget)}</div>'


def _textarea(widget: Widget) -> str:
    text = _escaped(widget["value"] or "")
    return f'<textarea name="{_escaped(widget["name"])}"{_attributes(widget)}>{text}</textarea>'


def _select(widget: Widget) -> str:
    parts = [_group(name, options) for name, options, _ in widget["optgroups"]]
    field = f'<select name="{_escaped(widget["name"])}"{_attributes(widget)}>{"".join(parts)}</select>'
    return f'<div class="grow relative max-w-2xl">{field}{ARROW}</div>'


def _group(name: str | None, options: Sequence[Widget]) -> str:
    made = "".join(map(_option, options))
    return f'<optgroup label="{_escaped(name)}">{made}</optgroup>' if name else made


def _option(widget: Widget) -> str:
    label, value = _escaped(widget["label"]), _escaped(widget["value"])
    return f'<option value="{value}"{_attributes(widget)}>{label}</option>'


def _choices(widget: Widget) -> str:
    key = widget["attrs"].get("id")
    named = f' id="{_escaped(key)}"' if key else ""
    parts = [_choices_of(name, options) for name, options, _ in widget["optgroups"]]
    return f'<div{named} class="flex gap-2 flex-col">{"".join(parts)}</div>'


def _choices_of(name: str | None, options: Sequence[Widget]) -> str:
    made = "".join(f"<div>{_choice(option)}</div>" for option in options)
    return f"<div><label>{_escaped(name)}</label>{made}</div>" if name else made


def _choice(widget: Widget) -> str:
    if not widget["wrap_label"]:
        return _input(widget)
    key, label = widget["attrs"].get("id"), _escaped(widget["label"])
    named = f' for="{_escaped(key)}"' if key else ""
    words = f'<span class="truncate">{label}</span>'
    return f'<label{named} class="flex flex-row items-center gap-2">{_input(widget)}{words}</label>'


def _attributes(widget: Widget) -> str:
    return "".join(
        f" {_escaped(name)}" + ("" if value is True else f'="{_escaped(value)}"')
        for name, value in widget["attrs"].items()
        if value is not False
    )


def _escaped(value: object) -> str:
    return conditional_escape(value if isinstance(value, SafeString) else str(value))


WRITERS: Mapping[str, Callable[[Widget], str]] = {
    "django/forms/widgets/checkbox.html": _input,
    "django/forms/widgets/number.html": _input,
    "django/forms/widgets/password.html": _input,
    "unfold/widgets/radio.html": _choices,
    "unfold/widgets/select.html": _select,
    "unfold/widgets/text.html": _text,
    "unfold/widgets/textarea.html": _textarea,
}
