"""The part of an endpoint's form that says how requests authenticate, and with which certificates.

What lives here: fields made from the declaration in protocol/sending/credentials.py, and what services take of them. It
must not check what services check. Secrets are written and never shown: an empty field leaves what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from unfold.widgets import (
    UnfoldAdminExpandableTextareaWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from deliveries.models import Endpoint
from deliveries.protocol.sending.client_tls import MEMBERS
from deliveries.protocol.sending.credentials import AUTH_TYPES, KINDS, AuthMember
from deliveries.protocol.writing import timestamps
from deliveries.services.common import clock
from deliveries.services.common.languages import in_words, tell

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

OUR_END = gettext_noop("Our certificate ends at {at}: from then on nothing is delivered. Replace it below.")
CA_END = gettext_noop("The CA of its server ends at {at}: from then on nothing is delivered. Replace it below.")
WARN_BEFORE = timedelta(days=30)
TLS_FIELDS = ("tls_certificate", "tls_key", "tls_ca", "forget_tls")
AUTH_FIELDS = ("auth_type", *(f"auth_{member.name}" for kind in KINDS.values() for member in kind.members))


def _pem(label: StrPromise, help_text: StrPromise) -> forms.CharField:
    asked = {"rows": 3, "placeholder": "-----BEGIN …", "autocomplete": "off", "class": "hp-code"}
    widget = UnfoldAdminExpandableTextareaWidget(attrs=asked)
    return forms.CharField(label=label, required=False, widget=widget, help_text=help_text)


def _field(kind: str, name: str) -> forms.CharField:
    member = next(member for member in KINDS[kind].members if member.name == name)
    return forms.CharField(
        label=lazy(_label_of, str)(kind, member),
        required=False,
        strip=not member.secret,
        max_length=member.limit,
        widget=_widget_of(member),
        help_text=gettext_lazy("Stored encrypted and never shown again.") if member.secret else "",
    )


def _label_of(kind: str, member: AuthMember) -> str:
    return f"{in_words(KINDS[kind].title).partition(':')[0]}: {in_words(member.title)}"


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
        label=gettext_lazy("Requests authenticate by"),
        required=False,
        choices=[
            ("", gettext_lazy("the signature alone")),
            *((name, gettext_lazy(title)) for name, title in AUTH_TYPES),
        ],
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy(
            "For a receiver behind a gateway that lets nobody in without it. The signature is sent in any case."
        ),
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
        gettext_lazy("Our certificate"),
        gettext_lazy("For a server that wants one (mutual TLS): PEM, with its chain. Empty: what is stored stays."),
    )
    tls_key = _pem(
        gettext_lazy("Its private key"),
        gettext_lazy("PEM, without a passphrase. Stored encrypted and never shown again."),
    )
    tls_ca = _pem(
        gettext_lazy("Its server's authorities"),
        gettext_lazy("For a certificate that no public authority made: the CA, as PEM."),
    )
    forget_tls = forms.BooleanField(
        label=gettext_lazy("Remove the certificates"),
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text=gettext_lazy("All of them."),
    )

    def set_initial_credentials(self) -> None:
        """Fill in what is stored, and say of a secret that it is."""
        shown = self.instance.auth or {}
        for name, value in shown.items():
            self.initial[f"auth_{name}"] = value
        for member in KINDS[shown["type"]].members if shown else ():
            if member.secret and (field := self.fields.get(f"auth_{member.name}")):
                field.help_text = gettext("It is set. What you write here replaces it.")
                if shown["hint"]:
                    field.help_text = tell(
                        "It is set, and ends in …{end}. What you write here replaces it.", end=shown["hint"]
                    )

        self._say_whose_certificates(self.instance.tls)

    def _say_whose_certificates(self, tls: Mapping[str, object] | None) -> None:
        for name, (whose, ends) in _SHOWN.items():
            if tls and tls[whose] and name in self.fields:
                self.fields[name].help_text = tell(
                    "Set now: {what}, until {at}. What you write here replaces it.",
                    what=_named(tls[whose]),
                    at=str(tls[ends]),
                )

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
    for words, member in ((OUR_END, "expires_at"), (CA_END, "authorities_expire_at")):
        end = tls.get(member)
        if isinstance(end, str) and timestamps.read(end) <= soon:
            return tell(words, at=end)
    return ""
