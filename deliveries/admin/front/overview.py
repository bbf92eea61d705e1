"""The front page's charts and figures of what happened lately, each with the list behind it.

What lives here: words, addresses and the chart's data. It must not know how figures are found out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext, gettext_noop

from deliveries.admin.front.dashboard import Figure, number_told
from deliveries.admin.parts.badges import NOTHING
from deliveries.admin.parts.page_addresses import address_of
from deliveries.models.visible import Viewer
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.writing import timestamps
from deliveries.services.common.languages import in_words, tell
from deliveries.services.reading.overview import (
    SPANS,
    AttemptTotals,
    Span,
    attempt_totals,
)
from deliveries.services.reading.stats import oldest_due
from deliveries.sql.figure_rows import OldestDueRow
from deliveries.sql.summary_rows import OverviewCountsRow

NAMES = {
    "arrived": gettext_noop("Arrived"),
    "refused": gettext_noop("Refused (3xx, 4xx)"),
    "failed": gettext_noop("Failed (5xx)"),
    "unanswered": gettext_noop("No answer"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the template shows above the lists of the front page."""

    span: Span
    spans: Sequence[tuple[str, str, bool]]  # name, words, whether it is shown
    figures: Sequence[Figure]
    chart: dict[str, object]
    list_url: str
    summary: str
    is_empty: bool


def overview_for(viewer: Viewer, counts: OverviewCountsRow, *, site_name: str, asked: str) -> Overview:
    """Return the charts and figures of a span; an unknown one is the last day. `counts` are of now."""
    chosen = _span_of(asked)
    found = attempt_totals(viewer, SPANS[chosen])
    lists = {noun: address_of(f"{site_name}:deliveries_{noun}_changelist") for noun in ("delivery", "endpoint")}
    figures = [
        *_attempt_figures(found, chosen, lists["delivery"]),
        *_waiting_figures(oldest_due(viewer), counts, lists),
    ]
    return _overview(found, chosen, figures=figures, url=lists["delivery"])


def overview_of(viewer: Viewer, *, url: str, asked: str, endpoint_id: UUID | None = None) -> Overview:
    """Return the chart of one customer, or of one endpoint, with its figures; `url` is the list that it is of."""
    chosen = _span_of(asked)
    found = attempt_totals(viewer, SPANS[chosen], endpoint_id=endpoint_id)
    return _overview(found, chosen, figures=_attempt_figures(found, chosen, url), url=url)


def _span_of(asked: str) -> str:
    return asked if asked in SPANS else "24h"


def _overview(found: AttemptTotals, chosen: str, *, figures: Sequence[Figure], url: str) -> Overview:
    return Overview(
        span=found.span,
        spans=[(name, in_words(span.words), name == chosen) for name, span in SPANS.items()],
        figures=figures,
        chart=_chart(found, url),
        list_url=url,
        summary=_summary(found),
        is_empty=not found.attempts,
    )


def percent(share: float | None) -> str:
    """Return a share so that neither a failure nor an arrival is rounded away."""
    if share is None:
        return NOTHING
    return (
        f"{share * 100:.0f} %"
        if share in (0, 1)
        else f"{min(max(share * 100, 0.01), 99.99):.2f} %".replace(".00 %", " %")
    )


def _attempt_figures(found: AttemptTotals, chosen: str, url: str) -> list[Figure]:
    span = in_words(found.span.words)
    both = tell("{p50} / {p95} ms", p50=found.p50_ms, p95=found.p95_ms) if found.p50_ms is not None else NOTHING
    return [
        Figure(
            title=gettext("Attempts that arrived"),
            value=percent(found.arrived_share),
            note=tell("of {number} in the last {span}", number=found.attempts, span=span),
            url=f"{url}{'&' if '?' in url else '?'}window={chosen}",
            state=DeliveryState.SUCCEEDED,
        ),
        Figure(
            title=gettext("First attempt, p50 / p95"),
            value=both,
            note=tell("about, in the last {span}", span=span),
            url=f"{url}{'&' if '?' in url else '?'}window={chosen}",
            state=DeliveryState.SUCCEEDED,
        ),
    ]


def _waiting_figures(oldest: OldestDueRow, counts: OverviewCountsRow, lists: dict[str, str]) -> list[Figure]:
    waited = timestamps.short_span(oldest.seconds)
    return [
        Figure(
            title=gettext("Oldest due"),
            value=tell("at least {span}", span=waited) if oldest.is_cut else waited,
            note=gettext("waits for its turn"),
            url=f"{lists['delivery']}?state=pending",
            state=DeliveryState.PENDING,
        ),
        Figure(
            title=gettext("Resting endpoints"),
            value=number_told(counts.resting),
            note=gettext("left alone for a while"),
            url=f"{lists['endpoint']}?health=resting",
            state=DeliveryState.HELD,
        ),
        Figure(
            title=gettext("Stopped endpoints"),
            value=number_told(counts.stopped),
            note=gettext("paused or disabled"),
            url=f"{lists['endpoint']}?state=paused&state=disabled",
            state=DeliveryState.HELD,
        ),
    ]


def _chart(found: AttemptTotals, url: str) -> dict[str, object]:
    columns = found.columns
    form = "%Y-%m-%d" if found.span.step.days else "%m-%d %H:00"
    sums = [sum(each.counts.values()) for each in columns]
    return {
        "labels": [f"{each.at:{form}}" for each in columns],
        "series": [
            {"name": name, "label": gettext(words), "data": [each.counts[name] for each in columns]}
            for name, words in NAMES.items()
        ],
        "rate": [
            round(100 * each.counts["arrived"] / total, 2) if total else None
            for each, total in zip(columns, sums, strict=True)
        ],
        "since": [timestamps.write(each.at) for each in columns],
        "until": [timestamps.write(each.at + found.span.step) for each in columns],
        "url": url,
    }


def _summary(found: AttemptTotals) -> str:
    return tell(
        "{number} attempts in {span}, {share} of them arrived.",
        number=found.attempts,
        span=in_words(found.span.words),
        share=percent(found.arrived_share),
    )
