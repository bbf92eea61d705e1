"""Health on pages: badges and a sentence or two.

What lives here: words and colours for values that services give. It must not know how they are found out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop

from deliveries.admin.parts.badges import badge, distance
from deliveries.admin.parts.pieces import piece
from deliveries.models import Endpoint, Retest
from deliveries.protocol.answers.advice import advice_for
from deliveries.protocol.when.breaker import Breaker, is_half_open
from deliveries.protocol.writing.timestamps import short_span, to_minute, to_second
from deliveries.services.common import clock
from deliveries.services.common.languages import tell
from deliveries.services.reading.endpoint_health import Health, HealthState, RestReason, health_of, resting

COLOURS = {HealthState.HEALTHY: "success", HealthState.FAILING: "danger", HealthState.UNKNOWN: "default"}
RESTS: dict[str, str] = {
    RestReason.DOWN: gettext_noop("nobody was there, several times in a row; one request will try it"),
    RestReason.FAILING: gettext_noop("its answers were failures; it is tried again then"),
    RestReason.ASKED: gettext_noop("it asked for fewer requests, or said when to come back"),
    RestReason.ORDER: gettext_noop("its first delivery is tried again then"),
    RestReason.PROBLEM: gettext_noop("nothing can be sent as it is configured"),
    RestReason.NO_SOCKET: gettext_noop("there was no socket left for it"),
}


def with_health(rows: Iterable[Endpoint]) -> list[Endpoint]:
    """Return endpoints, each with its `health`."""
    found = list(rows)
    health = health_of(found)
    for row in found:
        row.health = health[row.pk]  # type: ignore[attr-defined]
    return found


def health_badges(row: Any) -> SafeString:
    """Return whether deliveries arrive, and beside it whether the lane rests; `row` comes from with_health."""
    badges = badge(row.health.state, colour=COLOURS[row.health.state], title=in_words(row.health))
    beside = lane_badge(row)
    return piece("{} {}", badges, beside) if beside else badges


def trouble_of(row: Endpoint, health: Health) -> SafeString | None:
    """Return why nothing is sent or nothing arrives; None where all is well."""
    stopped = badge(row.state) if row.state != Endpoint.State.ENABLED else SafeString("")
    if health.state != HealthState.FAILING:
        return stopped or None
    return piece("{} {} {}", stopped, badge(health.state, colour=COLOURS[health.state]), in_words(health))


def rest_in_words(row: Endpoint) -> str:
    """Return until when the lane of an endpoint rests, and why; empty when it does not."""
    rest = resting(row)
    if not rest:
        return ""
    return tell("until {at} UTC: {why}", at=to_second(rest[0]), why=gettext(RESTS.get(rest[1], rest[1])))


def retests_in_words(row: Endpoint) -> str:
    """Return when an endpoint that was disabled for failing is tried by itself; empty when it is not."""
    found = Retest.objects.filter(endpoint=row).first()
    if found is None:
        return ""
    so_far = tell("{number} so far", number=found.tries) if found.tries else gettext("none yet")
    return tell(
        "It is tried by itself at {at} UTC ({so_far}), and enabled again when it answers.",
        at=to_minute(found.next_at),
        so_far=so_far,
    )


def lane_badge(row: Endpoint) -> SafeString | str:
    """Return what the lane of an endpoint does just now, where that is anything but sending."""
    lane = row.lane
    if row.state != Endpoint.State.ENABLED:
        return ""
    if rest := rest_in_words(row):
        return badge("resting", colour="warning", title=rest)
    if is_half_open(Breaker(lane.failures, lane.opened)):
        return badge(
            "probing", colour="warning", title=gettext("The next request is sent alone, to see whether it works.")
        )
    return badge("draining", colour="info") if row.draining else ""


def in_words(health: Health, *, is_on_the_way: Callable[[], bool] | None = None) -> str:
    """Return health as a sentence or two; `is_on_the_way` says whether something is due there, where that is told."""
    said = []
    if health.since is not None:
        at = to_second(health.since)
        said.append(tell("Nothing has arrived since {at} UTC, {ago}.", at=at, ago=_ago(health)))
    if health.share_24h is not None:
        said.append(tell("{share} of the last day's deliveries arrived.", share=_percent(health.share_24h)))
    if health.error and health.share_24h != 1:  # what is tried again and arrives is no failure of the day
        said.append(tell("The commonest failure: {what}.", what=advice_for(health.error, health.status_code).says))
    return " ".join(said) or _without_news(health, is_on_the_way=is_on_the_way)


def _without_news(health: Health, *, is_on_the_way: Callable[[], bool] | None) -> str:
    """Say why nothing is known: a first request may hang for a minute, and has been sent all the same."""
    if is_on_the_way is not None and is_on_the_way():
        return gettext("What is on its way there has no answer yet.")
    if health.state != HealthState.UNKNOWN:
        return gettext("Nothing has been sent there in the last day.")
    if is_on_the_way is None:
        return gettext("No answer has come from there yet.")
    return gettext("Nothing has been sent there yet.")


def arrivals_in_words(health: Health) -> str:
    """Return for how long nothing has arrived, else which share did in the last day; empty where nothing was sent."""
    if health.since is not None:
        span = short_span(max(0.0, (clock.likely_now() - health.since).total_seconds()))
        return tell("Nothing has arrived there for {span}.", span=span)
    if health.share_24h is None:
        return ""
    return tell("{share} of the last day's deliveries arrived.", share=_percent(health.share_24h))


def _ago(health: Health) -> str:
    now = clock.likely_now()
    return distance(min(health.since or now, now), now=now)


def _percent(share: float) -> str:
    """Round so that neither a failure nor an arrival is rounded away."""
    whole = round(share * 100)
    return f"{min(max(whole, 1 if share else 0), 99 if share < 1 else 100)}\N{NO-BREAK SPACE}%"
