"""The page of what an endpoint would be sent of the last events, by its settings or by others in their place.

What lives here: its address, the form, and what the template is given. It must not know how a body is made. Nothing is
changed or sent by it.
"""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from deliveries.admin.badges import moment
from deliveries.admin.filter_preview import FilterPreviewPage
from deliveries.admin.highlight import coloured_json
from deliveries.errors import InvalidInput, Unavailable
from deliveries.models import Endpoint
from deliveries.protocol.outcome import EXPLANATIONS
from deliveries.protocol.payload import METHODS
from deliveries.protocol.transformation import LENGTH_LIMIT, PRESETS
from deliveries.services.payload_preview import SETTINGS, PreviewedPayload, preview_payloads, tried_shaping


class PayloadDraftForm(forms.Form):
    """Settings to be tried."""

    preset = forms.ChoiceField(
        label="Preset",
        required=False,
        choices=[("", "none: the transformation below"), *((each.name, each.title) for each in PRESETS.values())],
        widget=UnfoldAdminSelectWidget(),
    )
    transformation = forms.CharField(
        required=False,
        max_length=LENGTH_LIMIT,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "class": "hp-code"}),
        help_text="JMESPath over id, type, timestamp and data. Empty: none.",
    )
    payload_mode = forms.ChoiceField(
        label="Payload", choices=Endpoint.PayloadMode.choices, widget=UnfoldAdminSelectWidget()
    )
    body_format = forms.ChoiceField(
        label="Form of the body", choices=Endpoint.BodyFormat.choices, widget=UnfoldAdminSelectWidget()
    )
    method = forms.ChoiceField(choices=[(each, each) for each in METHODS], widget=UnfoldAdminSelectWidget())


class PayloadPreviewPage(FilterPreviewPage):
    """Mixed into the pages of endpoints."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the page."""
        view = self.admin_site.admin_view(self.payload_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_payload"
        return [path("<path:object_id>/payload/", view, name=name), *super().get_urls()]

    def payload_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Serve the page of one endpoint to who may see it; a POST brings other settings and changes nothing."""
        row = self.row_or_404(request, object_id)
        self.refuse_others(request, row)
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        request.current_app = self.admin_site.name
        own = {name: getattr(row, name) for name in SETTINGS}
        form = PayloadDraftForm(request.POST if request.method == "POST" else own)
        found = _found(row, form)
        context = {**self.admin_site.each_context(request), "title": "What would be sent", "opts": self.opts}
        context |= {"endpoint": row, "back_url": self.page_url(row), "form": form, **found}
        answer = TemplateResponse(request, "hookpost/payload_preview.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _found(row: Endpoint, form: PayloadDraftForm) -> dict[str, object]:
    """Return what would be sent; what is refused stands at its field."""
    if not form.is_valid():
        return {}
    try:
        shaping = tried_shaping(row, form.cleaned_data)
        found = preview_payloads(row, shaping)
    except InvalidInput as error:
        form.add_error(error.field if error.field in form.fields else None, error.detail)
        return {}
    except Unavailable as error:
        form.add_error(None, str(error))
        return {}
    return {"payloads": [_line(each) for each in found], "tried": shaping.transformation, "asked": True}


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
