"""The part of an endpoint's form that says how requests authenticate, and with which certificates.

What lives here: fields made from the declaration in protocol/credentials.py, and what services take of them. It must
not check what services check. Secrets are written and never shown: an empty field leaves what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django import forms
from unfold.widgets import (
    UnfoldAdminExpandableTextareaWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from deliveries.models import Endpoint
from deliveries.protocol import timestamps
from deliveries.protocol.client_tls import MEMBERS
from deliveries.protocol.credentials import AUTH_TYPES, KINDS, AuthMember
from deliveries.services import clock

WARN_BEFORE = timedelta(days=30)
TLS_FIELDS = ("tls_certificate", "tls_key", "tls_ca", "forget_tls")
AUTH_FIELDS = ("auth_type", *(f"auth_{member.name}" for kind in KINDS.values() for member in kind.members))


def _pem(label: str, help_text: str) -> forms.CharField:
    asked = {"rows": 3, "placeholder": "-----BEGIN …", "autocomplete": "off", "class": "hp-code"}
    widget = UnfoldAdminExpandableTextareaWidget(attrs=asked)
    return forms.CharField(label=label, required=False, widget=widget, help_text=help_text)


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


_SHOWN = {"tls_certificate": ("subject", "expires_at"), "tls_ca": ("authorities", "authorities_expire_at")}


def _named(whose: object) -> str:
    return ", ".join(map(str, whose)) if isinstance(whose, list) else str(whose)


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
    auth_token_url = _field("oauth2", "token_url")
    auth_client_id = _field("oauth2", "client_id")
    auth_client_secret = _field("oauth2", "client_secret")
    auth_scope = _field("oauth2", "scope")
    auth_audience = _field("oauth2", "audience")
    auth_client_auth = _field("oauth2", "client_auth")
    tls_certificate = _pem(
        "Our certificate", "For a server that wants one (mutual TLS): PEM, with its chain. Empty: what is stored stays."
    )
    tls_key = _pem("Its private key", "PEM, without a passphrase. Stored encrypted and never shown again.")
    tls_ca = _pem("Its server's authorities", "For a certificate that no public authority made: the CA, as PEM.")
    forget_tls = forms.BooleanField(
        label="Remove the certificates", required=False, widget=UnfoldBooleanWidget(), help_text="All of them."
    )

    def set_initial_credentials(self) -> None:
        """Fill in what is stored, and say of a secret that it is."""
        shown = self.instance.auth or {}
        for name, value in shown.items():
            self.initial[f"auth_{name}"] = value
        for member in KINDS[shown["type"]].members if shown else ():
            if member.secret and (field := self.fields.get(f"auth_{member.name}")):
                end = f", and ends in …{shown['hint']}" if shown["hint"] else ""
                field.help_text = f"It is set{end}. What you write here replaces it."

        self._say_whose_certificates(self.instance.tls)

    def _say_whose_certificates(self, tls: Mapping[str, object] | None) -> None:
        for name, (whose, ends) in _SHOWN.items():
            if tls and tls[whose] and name in self.fields:
                told = f"Set now: {_named(tls[whose])}, until {tls[ends]}."
                self.fields[name].help_text = f"{told} What you write here replaces it."

    def changed_credentials(self) -> dict[str, object]:
        """Return the fields that services take, if anything was changed."""
        if "auth_type" not in self.cleaned_data:
            return {}
        given, shown = self._given_auth(), self.instance.auth
        seen = {name: value for name, value in (shown or {}).items() if name != "hint"} or None
        changed: dict[str, object] = {} if given == seen else {"auth": given}
        return changed | self._changed_tls()

    def _changed_tls(self) -> dict[str, object]:
        if self.cleaned_data.get("forget_tls"):
            return {"tls": None} if self.instance.tls else {}
        given = {name: self.cleaned_data.get(f"tls_{name}") for name in MEMBERS}
        given = {name: pem for name, pem in given.items() if pem}
        return {"tls": given} if given else {}

    def _given_auth(self) -> dict[str, str] | None:
        name = self.cleaned_data["auth_type"]
        if not name:
            return None
        values = {member: self.cleaned_data[f"auth_{member.name}"] for member in KINDS[name].members}
        return {"type": name, **{member.name: value for member, value in values.items() if value}}


def certificate_warning(row: Endpoint) -> str:
    """Return what to do about a certificate that ends within a month or has ended; empty while there is nothing."""
    tls, soon = row.tls or {}, clock.likely_now() + WARN_BEFORE
    for named, member in (("our certificate", "expires_at"), ("the CA of its server", "authorities_expire_at")):
        end = tls.get(member)
        if isinstance(end, str) and timestamps.read(end) <= soon:
            return f"{named[0].upper()}{named[1:]} ends at {end}: from then on nothing is delivered. Replace it below."
    return ""
