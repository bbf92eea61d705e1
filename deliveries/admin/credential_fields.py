"""The part of an endpoint's form that says how requests authenticate.

What lives here: fields made from the declaration in protocol/credentials.py, and what services take of them. It must
not check what services check. Secrets are written and never shown: an empty field leaves what is stored.
"""

from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from deliveries.models import Endpoint
from deliveries.protocol.credentials import AUTH_TYPES, KINDS, AuthMember

AUTH_FIELDS = ("auth_type", *(f"auth_{member.name}" for kind in KINDS.values() for member in kind.members))


def _field(kind: str, name: str) -> forms.CharField:
    member = next(member for member in KINDS[kind].members if member.name == name)
    return forms.CharField(
        label=f"{KINDS[kind].title.partition(':')[0]}: {member.title[0].lower()}{member.title[1:]}",
        required=False,
        strip=not member.secret,
        max_length=member.limit,
        widget=_widget_of(member),
        help_text="Stored encrypted and never shown again." if member.secret else "",
    )


def _widget_of(member: AuthMember) -> forms.Widget:
    kind, asked = (UnfoldAdminPasswordWidget, "new-password") if member.secret else (UnfoldAdminTextInputWidget, "off")
    widget: forms.Widget = kind(attrs={"autocomplete": asked})
    return widget


class CredentialFields(forms.Form):
    """Mixed into the form of an endpoint, which is `instance`."""

    instance: Endpoint

    auth_type = forms.ChoiceField(
        label="Requests authenticate by",
        required=False,
        choices=[("", "the signature alone"), *AUTH_TYPES],
        widget=UnfoldAdminSelectWidget(),
        help_text="For a receiver behind a gateway that lets nobody in without it. The signature is sent in any case.",
    )
    auth_username = _field("basic", "username")
    auth_password = _field("basic", "password")
    auth_token = _field("bearer", "token")

    def set_initial_credentials(self) -> None:
        """Fill in what is stored, and say of a secret that it is."""
        shown = self.instance.auth or {}
        for name, value in shown.items():
            self.initial[f"auth_{name}"] = value
        for member in KINDS[shown["type"]].members if shown else ():
            if member.secret and (field := self.fields.get(f"auth_{member.name}")):
                end = f", and ends in …{shown['hint']}" if shown["hint"] else ""
                field.help_text = f"It is set{end}. What you write here replaces it."

    def changed_credentials(self) -> dict[str, object]:
        """Return the fields that services take, if anything was changed."""
        if "auth_type" not in self.cleaned_data:
            return {}
        given, shown = self._given_auth(), self.instance.auth
        seen = {name: value for name, value in (shown or {}).items() if name != "hint"} or None
        return {} if given == seen else {"auth": given}

    def _given_auth(self) -> dict[str, str] | None:
        name = self.cleaned_data["auth_type"]
        if not name:
            return None
        values = {member: self.cleaned_data[f"auth_{member.name}"] for member in KINDS[name].members}
        return {"type": name, **{member.name: value for member, value in values.items() if value}}
