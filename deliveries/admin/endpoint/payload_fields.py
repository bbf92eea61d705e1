"""The fields of an endpoint's form that say what of an event is sent, and in which form.

What lives here: the fields. It must not know services.
"""

from __future__ import annotations

from django import forms
from django.contrib.admin import VERTICAL
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminExpandableTextareaWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
)

from deliveries.models import Endpoint
from deliveries.protocol.sending.payload import METHODS

PAYLOAD_LABELS = {
    "payload_mode": gettext_lazy("Payload"),
    "method": gettext_lazy("Method"),
    "body_format": gettext_lazy("Form of the body"),
    "transformation": gettext_lazy("Transformation"),
    "batch_size": gettext_lazy("Events in one request"),
    "batch_wait_ms": gettext_lazy("Wait for more events"),
}


class PayloadFields(forms.Form):
    """Mixed into the form of an endpoint."""

    payload_mode = forms.ChoiceField(
        label=gettext_lazy("Payload"),
        choices=Endpoint.PayloadMode.choices,
        initial=Endpoint.PayloadMode.FULL,
        widget=UnfoldAdminRadioSelectWidget(radio_style=VERTICAL),
    )
    method = forms.ChoiceField(
        label=gettext_lazy("Method"),
        required=False,
        choices=[(each, each) for each in METHODS],
        widget=UnfoldAdminSelectWidget(),
    )
    body_format = forms.ChoiceField(
        label=gettext_lazy("Form of the body"),
        required=False,
        choices=Endpoint.BodyFormat.choices,
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("The signature is always over the bytes that are sent."),
    )
    transformation = forms.CharField(
        label=gettext_lazy("Transformation"),
        required=False,
        widget=UnfoldAdminExpandableTextareaWidget(
            attrs={"rows": 2, "placeholder": "{text: join(' ', [type, data.number])}", "class": "hp-wide hp-code"}
        ),
        help_text=gettext_lazy(
            "JMESPath over the event. Empty: none. The endpoint's page tries it on the last events."
        ),
    )
    batch_size = forms.IntegerField(
        label=gettext_lazy("Events in one request"),
        required=False,
        initial=1,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy(
            "Up to 100, as a JSON object with a list of events. 1: each event in a request of its own."
        ),
    )
    batch_wait_ms = forms.IntegerField(
        label=gettext_lazy("Wait for more events"),
        required=False,
        initial=0,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy("How many milliseconds a request waits that is not full, up to 5000. 0: it does not."),
    )
