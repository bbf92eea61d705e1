"""The form of an endpoint, for staff and members alike.

What lives here: fields, their plain words, and from a form to the fields that services take. It must not
check what services check: they refuse, and the form shows it at the field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminExpandableTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from deliveries.admin.base.service_form import ServiceForm
from deliveries.admin.endpoint.credential_fields import CredentialFields
from deliveries.admin.endpoint.payload_fields import PAYLOAD_LABELS, PayloadFields
from deliveries.admin.endpoint.signing_fields import OWN, SigningFields
from deliveries.admin.endpoint.word_fields import WordFields
from deliveries.admin.words.limit_words import LIMIT_HELP, LIMIT_LABELS
from deliveries.models import Endpoint
from deliveries.protocol.signing.profiles import shown_signing
from deliveries.protocol.writing.urls import URL_LIMIT
from deliveries.services.common.languages import tell

PLAIN_FIELDS = (
    "url",
    "description",
    "filter",
    "signing",
    "payload_mode",
    "method",
    "body_format",
    "transformation",
    "batch_size",
    "batch_wait_ms",
    "rate_limit",
    "max_in_flight",
    "timeout_seconds",
    "ordered",
    "send_trace_context",
    "set_aside_after",
)

TYPES_OFFERED = 300  # of the catalogue, as checkboxes and for tests
CHOSEN_FIELDS = ("method", "body_format", "batch_size", "batch_wait_ms")


class EndpointForm(ServiceForm, CredentialFields, PayloadFields, SigningFields, WordFields, forms.ModelForm):
    """An endpoint; `headers`, `secret` and credentials are written and never shown."""

    field_names = {
        "event_types": "other_types",
        "tags": "chosen_tags",
        "retry_schedule": "schedule",
        "delivery_window": "window",
        "api_version": "pinned",
        "auth": "auth_type",
        "tls": "tls_certificate",
    }

    url = forms.CharField(
        label="URL",
        max_length=URL_LIMIT,
        strip=True,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "https://example.com/webhooks", "class": "hp-wide"}),
        help_text=gettext_lazy("Where events are sent, by POST if nothing else is chosen below."),
    )
    chosen_types = forms.MultipleChoiceField(
        label=gettext_lazy("Event types"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=gettext_lazy("None chosen: all events are sent."),
    )
    other_types = forms.CharField(
        label=gettext_lazy("Further names or families"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "invoice.*, customer.created"}),
        help_text=gettext_lazy(
            "Separated by commas. invoice.* is every event type that starts with invoice; "
            "hookpost.* tells of endpoints that fail."
        ),
    )
    filter = forms.CharField(
        label=gettext_lazy("Filter"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "$.data.amount > 100", "class": "hp-wide hp-code"}),
        help_text=gettext_lazy(
            "A condition on the payload, as an SQL/JSON path. Empty: every event of the types above."
        ),
    )
    headers = forms.CharField(
        label=gettext_lazy("Custom headers"),
        required=False,
        widget=UnfoldAdminExpandableTextareaWidget(
            attrs={"rows": 3, "placeholder": gettext_lazy("Authorization: Bearer …"), "autocomplete": "off"}
        ),
        help_text=gettext_lazy("One “Name: value” a line. Stored encrypted and never shown again."),
    )
    forget_headers = forms.BooleanField(
        label=gettext_lazy("Remove the custom headers"),
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text=gettext_lazy("All of them."),
    )
    schedule = forms.CharField(
        label=gettext_lazy("Retry schedule"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "0, 5, 300, 1800, 7200, …"}),
        help_text=gettext_lazy(
            "Seconds before each attempt, the first one included, separated by commas. Empty: the usual one."
        ),
    )
    secret = forms.CharField(
        label=gettext_lazy("Secret of your own"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "whsec_…", "autocomplete": "off"}),
        strip=False,
        help_text=gettext_lazy(
            "Leave empty and one is made for you. With another scheme than Standard Webhooks, the text that your "
            "receiver has, whatever its form."
        ),
    )

    class Meta:
        model = Endpoint
        fields = (
            "description",
            "rate_limit",
            "max_in_flight",
            "timeout_seconds",
            "ordered",
            "set_aside_after",
            "send_trace_context",
        )
        labels = {
            "description": gettext_lazy("Description"),
            "filter": gettext_lazy("Filter"),
            **LIMIT_LABELS,
            **PAYLOAD_LABELS,
        }
        help_texts = {"description": gettext_lazy("For yourself: what listens there."), **LIMIT_HELP}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance.event_types if self.instance.pk else []
        self.catalogue = {name for name, _ in self.type_choices}
        if "chosen_types" in self.fields:
            self.offer_types()
        self.offer_versions()
        if self.data.get("signing") == OWN:
            self.field_names = {**self.field_names, "signing": "own_header"}
        if not self.instance._state.adding:
            self.set_initial(stored)

    type_choices: Sequence[tuple[str, str]] = ()

    def offer_types(self) -> None:
        """Offer what of the catalogue has a place on a page, and say where the rest goes."""
        field = self.fields["chosen_types"]
        field.choices = self.type_choices  # type: ignore[attr-defined]
        if len(self.type_choices) >= TYPES_OFFERED:
            field.help_text = tell(
                "The first {number} by name; write others below. None chosen: all events are sent.",
                number=TYPES_OFFERED,
            )

    def set_initial(self, stored: Sequence[str]) -> None:
        """Fill the fields that are not simply columns."""
        self.initial.update({name: getattr(self.instance, name) for name in PLAIN_FIELDS})
        self.set_initial_signing()
        self.initial["chosen_types"] = [name for name in stored if name in self.catalogue]
        self.initial["other_types"] = ", ".join(name for name in stored if name not in self.catalogue)
        self.set_initial_words()
        self.initial["schedule"] = ", ".join(map(str, self.instance.retry_schedule or ()))
        if "headers" in self.fields and self.instance.header_names:
            names = ", ".join(self.instance.header_names)
            self.fields["headers"].help_text = tell("Set now: {names}. What you write here replaces them.", names=names)
        self.set_initial_credentials()

    def clean_schedule(self) -> list[int] | None:
        """Read the numbers; their rules are the service's."""
        words = self.cleaned_data["schedule"].replace(",", " ").split()
        if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
            raise forms.ValidationError(gettext("Whole numbers of seconds, separated by commas."))
        return [int(word) for word in words] or None

    def clean_headers(self) -> dict[str, str]:
        """Read the lines; the rules for names and values are the service's."""
        found: dict[str, str] = {}
        for line in self.cleaned_data["headers"].splitlines():
            name, colon, value = (part.strip() for part in line.partition(":"))
            if not line.strip():
                continue
            if not colon:
                raise forms.ValidationError(gettext("Each line is a name, a colon, and a value."))
            if name.lower() in map(str.lower, found):
                raise forms.ValidationError(tell("The header {name} is given twice.", name=name))
            found[name] = value
        return found

    def service_fields(self, *, create: bool) -> dict[str, object]:
        """Return what services take: on change only what was changed."""
        data = self.cleaned_data
        values: dict[str, object] = {name: data[name] for name in PLAIN_FIELDS if name in data}
        for name in CHOSEN_FIELDS:
            if values.get(name) in (None, ""):  # a page from before there was this choice leaves it as it is
                values.pop(name, None)
        others = [word for word in data.get("other_types", "").replace(",", " ").split() if word]
        values |= self.chosen_words()
        values["event_types"] = [*data.get("chosen_types", ()), *others]
        values["retry_schedule"] = data.get("schedule")
        values |= self.chosen_scheme()
        if not create:
            values = {name: value for name, value in values.items() if value != self.stored(name)}
        if data.get("headers") or data.get("forget_headers"):
            values["headers"] = data.get("headers") or {}
        values |= self.changed_credentials()
        if create and data.get("secret"):
            values["secret"] = data["secret"]
        return values

    def stored(self, name: str) -> object:
        """Return what the endpoint has for a field of the service."""
        value = getattr(self.instance, name)
        if name == "tags":
            return value or []
        return shown_signing(value) if name == "signing" else value


def type_choices_of(types: Sequence[tuple[str, ...]]) -> list[tuple[str, str]]:
    """Return names and descriptions as checkboxes."""
    return [(name, f"{name} — {description}" if description else name) for name, description in types]
