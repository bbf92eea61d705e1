"""The forms of a page as a browser finds them: where each is sent, what is in its fields, what is said of them.

What lives here: reading HTML. It must not know what is typed into a field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

TYPED = {"text", "email", "url", "number", "search", "datetime-local", "date", "time", "password", "tel", "textarea"}
PRESSED = {"submit", "button", "image", "reset", "file"}
VOID = {"input", "br", "img", "meta", "link", "hr", "wbr", "source", "col"}

Attributes = dict[str, str]


@dataclass(slots=True)
class Field:
    """One field, or all buttons of one choice."""

    name: str
    kind: str
    values: list[str] = field(default_factory=list)
    is_required: bool = False
    is_invalid: bool = False
    longest: int | None = None
    described_by: list[str] = field(default_factory=list)

    @property
    def is_typed(self) -> bool:
        """Say whether somebody types into it."""
        return self.kind in TYPED


@dataclass(slots=True)
class Form:
    """A form that is posted; without an action it is sent to the page's own address."""

    action: str
    fields: dict[str, Field] = field(default_factory=dict)

    def filled(self) -> dict[str, list[str]]:
        """Return what a browser would send."""
        return {each.name: each.values for each in self.fields.values() if each.values}


class Forms(HTMLParser):
    """The posted forms of a page, and the text below each id, piece by piece."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.texts: dict[str, list[str]] = {}
        self._form: Form | None = None
        self._inside: Field | None = None  # of a textarea or a select
        self._open: list[tuple[str, str]] = []
        self.feed(page)

    def said_of(self, each: Field) -> str:
        """Return what a screen reader says of a field that is marked as wrong, beside its help."""
        wrong = [name for name in each.described_by if not name.endswith("_helptext")]
        return " ".join("".join(self.texts.get(name, ())).strip() for name in wrong) if each.is_invalid else ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a form, a field, a choice, or a place that has an id."""
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append((tag, given.get("id", "")))
        if tag == "form":
            self._form = Form(given.get("action", "")) if given.get("method", "").lower() == "post" else None
            self.found += [self._form] if self._form else []
        elif tag == "option" and "selected" in given and self._inside:
            self._inside.values.append(given.get("value", ""))
        elif tag in ("input", "textarea", "select") and given.get("name") and self._form:
            self._note(tag, given, self._form)

    def _note(self, tag: str, given: Attributes, form: Form) -> None:
        kind = given.get("type", "text") if tag == "input" else tag
        if kind in PRESSED:
            return
        known = form.fields.setdefault(given["name"], Field(given["name"], kind))
        known.is_required |= "required" in given
        known.is_invalid |= given.get("aria-invalid") == "true"
        known.described_by += given.get("aria-describedby", "").split()
        known.longest = int(given["maxlength"]) if "maxlength" in given else None
        if tag == "input":
            is_sent = kind not in ("checkbox", "radio") or "checked" in given
            known.values += [given.get("value", "on" if kind == "checkbox" else "")] if is_sent else []
        else:
            self._inside = known
            known.values += [""] if tag == "textarea" else []

    def handle_endtag(self, tag: str) -> None:
        """Take note of what ends."""
        if tag == "form":
            self._form = None
        elif tag == "textarea" and self._inside:
            self._inside.values[-1] = self._inside.values[-1].removeprefix("\r").removeprefix("\n")
        if tag in ("textarea", "select"):
            self._inside = None
        while tag not in VOID and self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Take note of text."""
        if self._inside and self._inside.kind == "textarea":
            self._inside.values[-1] += data
        for name in {name for _, name in self._open if name}:
            self.texts.setdefault(name, []).append(data)
