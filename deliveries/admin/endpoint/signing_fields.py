"""The fields of an endpoint's form that say how its requests are signed: by a known scheme, or by one of its own.

What lives here: the fields, and what services take of them. It must not check what services check.
"""

from __future__ import annotations

from django import forms
from django.contrib.admin import VERTICAL
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from deliveries.models import Endpoint
from deliveries.protocol.signing.own_scheme import ENCODINGS, HASHES
from deliveries.protocol.signing.profiles import PROFILES, Profile, shown_signing
from deliveries.services.common.languages import in_words

OWN = "own"
# The parts of a scheme of one's own, each a field of the form with "own_" before it.
OWN_PARTS = ("header", "encoding", "hash", "prefix", "timestamp_header", "type_header", "id_header")
OWN_FIELDS = tuple(f"own_{part}" for part in OWN_PARTS)


def _profile_words(profile: Profile) -> str:
    return f"{profile.title} — {in_words(profile.description)}"


class SigningFields(forms.Form):
    """Mixed into the form of an endpoint, which is `instance`."""

    instance: Endpoint

    signing = forms.ChoiceField(
        label=gettext_lazy("Signing"),
        choices=[
            *((profile.name, lazy(_profile_words, str)(profile)) for profile in PROFILES.values()),
            (OWN, gettext_lazy("Another — the HMAC of the raw body in a header of your own, as described below.")),
        ],
        initial="standard",
        widget=UnfoldAdminRadioSelectWidget(radio_style=VERTICAL),
        help_text=gettext_lazy(
            "How your receiver recognises that a request is from here. The standard headers are always sent."
        ),
    )
    own_header = forms.CharField(
        label=gettext_lazy("Header of the signature"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "X-Acme-Signature"}),
        help_text=gettext_lazy("This and the next six only for a scheme of your own."),
    )
    own_encoding = forms.ChoiceField(
        label=gettext_lazy("Encoding"),
        required=False,
        choices=[(each, each) for each in ENCODINGS],
        widget=UnfoldAdminSelectWidget(),
    )
    own_hash = forms.ChoiceField(
        label=gettext_lazy("Hash"),
        required=False,
        choices=[(each, each) for each in HASHES],
        widget=UnfoldAdminSelectWidget(),
    )
    own_prefix = forms.CharField(
        label=gettext_lazy("Before the signature"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "sha256="}),
    )
    own_timestamp_header = forms.CharField(
        label=gettext_lazy("Header of the time"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "X-Acme-Timestamp"}),
        help_text=gettext_lazy("Empty: the body alone is signed. Else the time in Unix seconds, a dot, and the body."),
    )
    own_type_header = forms.CharField(
        label=gettext_lazy("Header of the event type"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "X-Acme-Event"}),
        help_text=gettext_lazy("For a receiver that chooses what to do by a header. It is not signed; empty: none."),
    )
    own_id_header = forms.CharField(
        label=gettext_lazy("Header of the event id"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "X-Acme-Delivery"}),
        help_text=gettext_lazy("For a receiver that knows doubles by a header. It is not signed; empty: none."),
    )

    def set_initial_signing(self) -> None:
        """Fill in the parts of a scheme of one's own."""
        if isinstance(own := shown_signing(self.instance.signing), dict):
            self.initial.update({"signing": OWN, **{f"own_{part}": value for part, value in own.items()}})

    def chosen_scheme(self) -> dict[str, object]:
        """Return a scheme of one's own, as services take it; nothing where a known one was chosen."""
        data = self.cleaned_data
        return {"signing": {part: data[f"own_{part}"] for part in OWN_PARTS}} if data.get("signing") == OWN else {}
