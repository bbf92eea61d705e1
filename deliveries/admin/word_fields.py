"""Fields of an endpoint's form that are written in words, and are a list or an object to services.

What lives here: tags and the delivery window. It must not check what services check.
"""

from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from deliveries.admin.acts import sentence
from deliveries.errors import InvalidInput
from deliveries.models import Endpoint
from deliveries.protocol.delivery_window import DeliveryWindow, read_window, write_window


class WordFields(forms.Form):
    """Mixed into the form of an endpoint, which is `instance`."""

    instance: Endpoint

    chosen_tags = forms.CharField(
        label="Tags",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "eu, project:7"}),
        help_text="Separated by commas. Only events that carry one of these. Empty: events with and without tags.",
    )
    window = forms.CharField(
        label="Delivery window",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "mon-fri 08:00-18:00 Europe/Berlin"}),
        help_text="What comes outside of it waits until it opens. Empty: events are sent at any time.",
    )

    def set_initial_words(self) -> None:
        """Write what the endpoint has."""
        self.initial["chosen_tags"] = ", ".join(self.instance.tags or ())
        self.initial["window"] = write_window(self.instance.delivery_window)

    def clean_window(self) -> DeliveryWindow | None:
        """Read the words."""
        try:
            return read_window(self.cleaned_data["window"])
        except InvalidInput as error:
            raise forms.ValidationError(sentence(error)) from error

    def chosen_words(self) -> dict[str, object]:
        """Return what is written in words and is a list or an object to services."""
        data, found = self.cleaned_data, dict[str, object]()
        if "chosen_tags" in data:
            found["tags"] = data["chosen_tags"].replace(",", " ").split()
        if "window" in data:
            found["delivery_window"] = data["window"]
        return found
