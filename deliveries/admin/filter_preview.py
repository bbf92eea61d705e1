"""The page of what an endpoint's filter would match, or another one in its place.

What lives here: its address, the form, and what the template is given. It must not know how anything is found out.
Nothing is changed by it, so that it is asked for by GET.
"""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from deliveries.admin.badges import moment
from deliveries.admin.endpoint_live import EndpointLive
from deliveries.errors import InvalidInput, Unavailable
from deliveries.models import Endpoint
from deliveries.protocol import ids
from deliveries.protocol.filters import LENGTH_LIMIT
from deliveries.services.filter_preview import Example, FilterPreview, Verdict, preview_filter

WORDS = {
    Verdict.MATCHED: "matches",
    Verdict.NOT_MATCHED: "does not match",
    Verdict.OTHER_TYPE: "another event type",
    Verdict.NOT_JUDGED: "holds a number that no filter can evaluate",
}
TYPES_CHARACTERS = 4000


class FilterDraftForm(forms.Form):
    """A filter to be tried."""

    filter = forms.CharField(
        required=False,
        max_length=LENGTH_LIMIT,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "$.data.amount > 100", "class": "hp-wide hp-code"}),
    )
    event_types = forms.CharField(
        required=False,
        max_length=TYPES_CHARACTERS,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "invoice.*, customer.created"}),
        help_text="Separated by commas; empty: all.",
    )
    only = forms.ChoiceField(
        label="Show",
        required=False,
        choices=[("", "the newest events"), *((each.value, f"what {words}") for each, words in WORDS.items())],
        widget=UnfoldAdminSelectWidget(),
    )

    def types(self) -> list[str]:
        """Return the event types that were given."""
        return [word for word in self.cleaned_data["event_types"].replace(",", " ").split() if word]


class FilterPreviewPage(EndpointLive):
    """Mixed into the pages of endpoints."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the page."""
        view = self.admin_site.admin_view(self.filter_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_filter"
        return [path("<path:object_id>/filter/", view, name=name), *super().get_urls()]

    def filter_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Serve the page of one endpoint to who may see it."""
        row = self.row_or_404(request, object_id)
        self.refuse_others(request, row)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        request.current_app = self.admin_site.name
        own = {"filter": row.filter, "event_types": ", ".join(row.event_types), "only": ""}
        form = FilterDraftForm(request.GET if "filter" in request.GET else own)
        context = {**self.admin_site.each_context(request), "title": "What would match", "opts": self.opts}
        context |= {"endpoint": row, "back_url": self.page_url(row), "form": form, **self.found(row, form)}
        answer = TemplateResponse(request, "hookpost/filter_preview.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def found(self, row: Endpoint, form: FilterDraftForm) -> dict[str, object]:
        """Return what was found; what is refused stands at its field."""
        if not form.is_valid():
            return {}
        only = form.cleaned_data["only"]
        try:
            preview = preview_filter(
                row.customer_id,
                filter_=form.cleaned_data["filter"],
                event_types=form.types(),
                only=Verdict(only) if only else None,
            )
        except InvalidInput as error:
            form.add_error(error.field if error.field in form.fields else None, error.detail)
            return {}
        except Unavailable as error:
            form.add_error(None, str(error))
            return {}
        return {"preview": preview, "counts": _counts(preview), "examples": self.lines(preview.examples)}

    def lines(self, examples: Sequence[Example]) -> list[dict[str, object]]:
        """Return the events as the template shows them."""
        return [
            {
                "url": self.url("change", ids.encode_id(ids.EVENT, each.event.id), model="event"),
                "type": each.event.type,
                "at": moment(each.event.created_at),
                "words": WORDS[each.verdict],
                "is_match": each.verdict == Verdict.MATCHED,
                "conditions": each.conditions,
            }
            for each in examples
        ]


def _counts(preview: FilterPreview) -> list[tuple[str, int]]:
    return [(WORDS[verdict], count) for verdict, count in preview.counts.items() if count]
