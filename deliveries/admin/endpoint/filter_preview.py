"""The page of what an endpoint's filter would match, or another one in its place.

What lives here: its address, the form, and what the template is given. It must not know how anything is found out.
Nothing is changed by it, so that it is asked for by GET.
"""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from deliveries.admin.endpoint.preview_pages import PreviewPages, refusals_at
from deliveries.admin.parts.badges import moment
from deliveries.models import Endpoint
from deliveries.protocol.events.filters import LENGTH_LIMIT
from deliveries.protocol.events.tags import TAG_LIMIT, TAGS_LIMIT
from deliveries.protocol.writing import ids
from deliveries.services.endpoint.filter_preview import Example, FilterPreview, Verdict, preview_filter

WORDS = {
    Verdict.MATCHED: gettext_noop("matches"),
    Verdict.NOT_MATCHED: gettext_noop("does not match"),
    Verdict.OTHER_TYPE: gettext_noop("another event type"),
    Verdict.OTHER_TAGS: gettext_noop("other tags"),
    Verdict.NOT_JUDGED: gettext_noop("holds a number that no filter can evaluate"),
}
SHOWN = {
    Verdict.MATCHED: gettext_noop("what matches"),
    Verdict.NOT_MATCHED: gettext_noop("what does not match"),
    Verdict.OTHER_TYPE: gettext_noop("what is another event type"),
    Verdict.OTHER_TAGS: gettext_noop("what has other tags"),
    Verdict.NOT_JUDGED: gettext_noop("what holds a number that no filter can evaluate"),
}
TYPES_CHARACTERS = 4000
TAGS_CHARACTERS = (TAG_LIMIT + 2) * TAGS_LIMIT


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
        help_text=gettext_lazy("Separated by commas; empty: all."),
    )
    tags = forms.CharField(
        required=False,
        max_length=TAGS_CHARACTERS,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "eu, project:7"}),
        help_text=gettext_lazy("Separated by commas; an event needs one of them. Empty: events with and without tags."),
    )
    only = forms.ChoiceField(
        label=gettext_lazy("Show"),
        required=False,
        choices=[
            ("", gettext_lazy("the newest events")),
            *((each.value, gettext_lazy(words)) for each, words in SHOWN.items()),
        ],
        widget=UnfoldAdminSelectWidget(),
    )

    def words(self, name: str) -> list[str]:
        """Return the words that a field holds."""
        text: str = self.cleaned_data[name]
        return text.replace(",", " ").split()


class FilterPreviewPage(PreviewPages):
    """Mixed into the pages of endpoints."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the page."""
        return [self.preview_address("filter", self.filter_view), *super().get_urls()]

    def filter_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Serve the page of one endpoint to who may see it."""
        row = self.visible_row(request, object_id)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        own = {"filter": row.filter, "event_types": ", ".join(row.event_types), "tags": ", ".join(row.tags or ())}
        form = FilterDraftForm(request.GET if "filter" in request.GET else own)
        template, title = "hookpost/filter_preview.html", gettext("What would match")
        return self.preview_answer(request, row, template=template, title=title, form=form, found=self.found(row, form))

    def found(self, row: Endpoint, form: FilterDraftForm) -> dict[str, object]:
        """Return what was found; what is refused stands at its field."""
        shown: dict[str, object] = {}
        if not form.is_valid():
            return shown
        only = form.cleaned_data["only"]
        with refusals_at(form):
            preview = preview_filter(
                row.customer_id,
                filter_=form.cleaned_data["filter"],
                event_types=form.words("event_types"),
                tags=form.words("tags"),
                api_version=row.api_version,
                only=Verdict(only) if only else None,
            )
            shown |= {"preview": preview, "counts": _counts(preview), "examples": self.lines(preview.examples)}
        return shown

    def lines(self, examples: Sequence[Example]) -> list[dict[str, object]]:
        """Return the events as the template shows them."""
        return [
            {
                "url": self.url("change", ids.encode_id(ids.EVENT, each.event.id), model="event"),
                "type": each.event.type,
                "at": moment(each.event.created_at),
                "words": WORDS[each.verdict],
                "is_match": each.verdict == Verdict.MATCHED,
                "tags": each.tags,
                "conditions": each.conditions,
            }
            for each in examples
        ]


def _counts(preview: FilterPreview) -> list[tuple[str, int]]:
    return [(WORDS[verdict], count) for verdict, count in preview.counts.items() if count]
