"""The page of what an endpoint would be sent of the last events, by its settings or by others in their place.

What lives here: its address, the form, and what the template is given. It must not know how a body is made. Nothing is
changed or sent by it.
"""

from __future__ import annotations

from collections.abc import Mapping

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from deliveries.admin.endpoint.filter_preview import FilterPreviewPage
from deliveries.admin.endpoint.preview_pages import refusals_at
from deliveries.admin.endpoint.word_fields import version_choices
from deliveries.admin.parts.badges import moment
from deliveries.admin.parts.highlight import coloured_json
from deliveries.models import Endpoint
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.protocol.events.transformation import LENGTH_LIMIT, PRESETS
from deliveries.protocol.sending.payload import METHODS
from deliveries.services.catalogue.api_versions import released_versions
from deliveries.services.endpoint.payload_preview import SETTINGS, PreviewedPayload, preview_payloads, tried_shaping


class PayloadDraftForm(forms.Form):
    """Settings to be tried."""

    preset = forms.ChoiceField(
        label=gettext_lazy("Preset"),
        required=False,
        choices=[
            ("", gettext_lazy("none: the transformation below")),
            *((each.name, each.title) for each in PRESETS.values()),
        ],
        widget=UnfoldAdminSelectWidget(),
    )
    transformation = forms.CharField(
        required=False,
        max_length=LENGTH_LIMIT,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "class": "hp-code"}),
        help_text=gettext_lazy("JMESPath over id, type, timestamp and data. Empty: none."),
    )
    payload_mode = forms.ChoiceField(
        label=gettext_lazy("Payload"), choices=Endpoint.PayloadMode.choices, widget=UnfoldAdminSelectWidget()
    )
    body_format = forms.ChoiceField(
        label=gettext_lazy("Form of the body"), choices=Endpoint.BodyFormat.choices, widget=UnfoldAdminSelectWidget()
    )
    method = forms.ChoiceField(choices=[(each, each) for each in METHODS], widget=UnfoldAdminSelectWidget())
    api_version = forms.ChoiceField(
        label=gettext_lazy("API version"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("As if the endpoint were pinned to it."),
    )

    def __init__(self, data: Mapping[str, object]) -> None:
        super().__init__(data)
        names = released_versions()
        field = self.fields["api_version"]
        if names and isinstance(field, forms.ChoiceField):
            field.choices = version_choices(names)
        else:
            del self.fields["api_version"]


class PayloadPreviewPage(FilterPreviewPage):
    """Mixed into the pages of endpoints."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the page."""
        return [self.preview_address("payload", self.payload_view), *super().get_urls()]

    def payload_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Serve the page of one endpoint to who may see it; a POST brings other settings and changes nothing."""
        row = self.visible_row(request, object_id)
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        own = {name: getattr(row, name) for name in SETTINGS}
        own["api_version"] = request.GET.get("api_version") or row.api_version or next(iter(released_versions()), None)
        form = PayloadDraftForm(request.POST if request.method == "POST" else own)
        template, title = "hookpost/payload_preview.html", gettext("What would be sent")
        return self.preview_answer(request, row, template=template, title=title, form=form, found=_found(row, form))


def _found(row: Endpoint, form: PayloadDraftForm) -> dict[str, object]:
    """Return what would be sent; what is refused stands at its field."""
    shown: dict[str, object] = {}
    if not form.is_valid():
        return shown
    with refusals_at(form):
        given = {name: value for name, value in form.cleaned_data.items() if name != "api_version" or value}
        shaping = tried_shaping(row, given)
        payloads = [_line(each) for each in preview_payloads(row, shaping)]
        shown |= {"payloads": payloads, "tried": shaping.transformation, "asked": True}
    return shown


def _line(payload: PreviewedPayload) -> dict[str, object]:
    return {
        "type": payload.event.type,
        "at": moment(payload.event.created_at),
        "method": payload.method,
        "headers": payload.headers,
        "body": "" if payload.error else coloured_json(payload.shown.encode()),
        "size": len(payload.body),
        "is_truncated": payload.is_truncated,
        "says": EXPLANATIONS.get(payload.error, ""),
        "detail": payload.detail,
    }
