"""The page of a delivery's signature: step by step, and a box for what the receiver's developer had.

What lives here: the form, and what the template is given. It must not know what is compared with what.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.delivery.delivery_columns import still_there
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.parts.safe_text import readable
from deliveries.errors import InvalidInput
from deliveries.models import Delivery, visible
from deliveries.protocol.checking.findings import Finding
from deliveries.protocol.checking.pasted_headers import read_pasted_headers
from deliveries.protocol.checking.signature_check import ReceivedRequest
from deliveries.protocol.signing.profiles import profile_of
from deliveries.protocol.writing import timestamps
from deliveries.services.bodies.signature_check import SignatureCheck, attempt_meant, check_attempt
from deliveries.services.common.languages import tell

HEADERS_LIMIT, BODY_LIMIT, SIGNATURE_LIMIT, END_LIMIT = 20_000, 1_500_000, 400, 8
LOOKED_AT = 50
MONO = {"class": "hp-code"}


class ReceivedForm(forms.Form):
    """What the receiver's developer had; everything is optional."""

    headers = forms.CharField(
        required=False,
        max_length=HEADERS_LIMIT,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5, "placeholder": "webhook-id: evt_…", **MONO}),
        help_text=gettext_lazy("As your program or your tool printed them."),
    )
    body = forms.CharField(
        required=False,
        strip=False,
        max_length=BODY_LIMIT,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5, "placeholder": '{"type":…', **MONO}),
        help_text=gettext_lazy("What your code verified, just as it had it."),
    )
    computed = forms.CharField(
        label=gettext_lazy("The signature that your code computed"),
        required=False,
        max_length=SIGNATURE_LIMIT,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", **MONO}),
        help_text=gettext_lazy("In hex or base64."),
    )
    secret_end = forms.CharField(
        label=gettext_lazy("The last four characters of your secret"),
        required=False,
        max_length=END_LIMIT,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", **MONO}),
        help_text=gettext_lazy("Not the whole of it."),
    )
    clock = forms.CharField(
        label=gettext_lazy("The time on your clock when it came"),
        required=False,
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2026-01-31T09:30:00Z", **MONO}),
        help_text=gettext_lazy("As your log shows it with its offset from UTC: RFC 3339, an HTTP date or Unix time."),
    )

    def __init__(self, data: QueryDict | None, *, names: Sequence[str]) -> None:
        """Take what was given; `names` are the headers of the endpoint's scheme."""
        super().__init__(data)
        self.names = names

    def clean_headers(self) -> dict[str, str]:
        """Read headers; what holds none is refused, for nothing would be compared with it."""
        text = self.cleaned_data["headers"]
        headers = read_pasted_headers(text, self.names)
        if text.strip() and not headers:
            raise forms.ValidationError(gettext("No header could be read here. Give each in a line: name: value."))
        return headers

    def clean_clock(self) -> datetime | None:
        """Read a moment."""
        text = self.cleaned_data["clock"].strip()
        try:
            return timestamps.read_printed(text) if text else None
        except InvalidInput as error:
            raise forms.ValidationError(tell("This is not {form}.", form=timestamps.FORM)) from error

    def received(self) -> ReceivedRequest:
        """Return what was given."""
        data = self.cleaned_data
        body = data["body"].replace("\r\n", "\n")  # browsers send every line break so
        return ReceivedRequest(
            headers=data["headers"],
            body=body.encode("utf-8", "replace") if body else None,
            computed=data["computed"].strip(),
            secret_end=data["secret_end"].strip(),
            clock=data["clock"],
            has_form_breaks=True,
        )


def signature_view(page: PageAdmin, request: HttpRequest, row: Delivery) -> HttpResponse:
    """Serve the page, with findings when something was given."""
    endpoint = still_there(row, "endpoint")
    names = profile_of(endpoint.signing).headers if endpoint else ()
    form = ReceivedForm(request.POST if request.method == "POST" else None, names=names)
    received = form.received() if form.is_valid() else ReceivedRequest()
    attempts = visible.attempts(page.viewer(request)).filter(delivery_id=row.pk).order_by("-id")[:LOOKED_AT]
    event = visible.events_with_content(page.viewer(request)).filter(pk=row.event_id).first()
    meant = attempt_meant(list(attempts), received)
    check: SignatureCheck | None = None
    findings: list[Finding] = []
    if event is not None and endpoint is not None and meant is not None:
        check, findings = check_attempt(meant, event, endpoint, received)
    context = {
        "title": gettext("Signature check"),
        **page.about(row, gettext("Signature check")),
        "delivery": row,
        "form": form,
        "check": check,
        "profile": check and profile_of(check.signing),
        "content": check and readable(check.content.encode("utf-8", "replace")),
        "findings": findings,
        "asked": form.is_bound and form.is_valid(),
    }
    return page_of(page.admin_site, request, "hookpost/signature.html", context)
