"""Fields of an endpoint's form that are written in words, and are a list or an object to services.

What lives here: tags, the delivery window and the version. It must not check what services check.
"""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from deliveries.admin.base.acts import sentence
from deliveries.errors import InvalidInput
from deliveries.models import Endpoint
from deliveries.protocol.when.delivery_window import DeliveryWindow, read_window, write_window
from deliveries.services.catalogue.api_versions import released_versions


class WordFields(forms.Form):
    """Mixed into the form of an endpoint, which is `instance`."""

    instance: Endpoint

    chosen_tags = forms.CharField(
        label=gettext_lazy("Tags"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "eu, project:7"}),
        help_text=gettext_lazy(
            "Separated by commas. Only events that carry one of these. Empty: events with and without tags."
        ),
    )
    window = forms.CharField(
        label=gettext_lazy("Delivery window"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "mon-fri 08:00-18:00 Europe/Berlin"}),
        help_text=gettext_lazy("What comes outside of it waits until it opens. Empty: events are sent at any time."),
    )

    pinned = forms.ChoiceField(
        label=gettext_lazy("API version"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy(
            "How the data of events looks. “What would be sent” on the endpoint's page tries another one."
        ),
    )

    def offer_versions(self) -> None:
        """Offer the versions that were released: the endpoint's own, and to a new one the newest."""
        names, field = released_versions(), self.fields.get("pinned")
        if names and isinstance(field, forms.ChoiceField):
            field.choices = version_choices(names)
            self.initial["pinned"] = names[-1] if self.instance._state.adding else self.instance.api_version or names[0]

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
        if data.get("pinned") and data["pinned"] != self.initial.get("pinned"):
            found["api_version"] = data["pinned"]
        return found


def version_choices(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return released versions as they are chosen from, the newest first."""
    return [(name, name) for name in reversed(names)]
