"""What a filter would have matched among a customer's last events, and why each of the others not.

What lives here: looking, within bounds of events, bytes and time. It must not know requests or pages, and changes
nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import DataError

from deliveries import sql
from deliveries.errors import Unavailable
from deliveries.protocol.events.event_types import is_ours, matching_keys
from deliveries.protocol.events.filter_conditions import Condition, conditions_of, says
from deliveries.protocol.writing.sentences import say
from deliveries.services.bodies.filter_bodies import mapped_bodies
from deliveries.services.common.statement_timeout import TooSlow, at_most
from deliveries.services.endpoint.endpoint_fields import check_fields
from deliveries.services.process.shares import filter_previews
from deliveries.services.reading.recent_events import RecentEvent, recent_events
from deliveries.sql.preview_rows import ExplainFilterRow, PreviewFilterRow

BYTES = 16 * 1024 * 1024  # of the bodies that are looked at
SECONDS = 3.0  # of everything that PostgreSQL does for one preview
LOOK_SECONDS = 1.0  # of finding the events
PART = 100
EXPLAINED_AT_ONCE = 5
EXAMPLES, EXAMPLES_MAX = 20, 50
VALUES, VALUE_CHARACTERS = 5, 200


class Verdict(StrEnum):
    """What became of an event."""

    MATCHED = "matched"
    OTHER_TYPE = "other_type"
    OTHER_TAGS = "other_tags"
    NOT_MATCHED = "not_matched"
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A condition, whether it holds for an event (None: it cannot be told), and what the event has at its path."""

    condition: Condition
    holds: bool | None
    found: Sequence[str]
    found_count: int

    @property
    def is_met(self) -> bool:
        """Whether this condition is as the filter wants it."""
        return self.holds is not self.condition.is_negated and self.holds is not None

    @property
    def says(self) -> str:
        """What became of it, as a sentence."""
        return says(self.condition, holds=self.holds, found=self.found, count=self.found_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagsSeen:
    """Which tags an event has, where the endpoint wants one of some."""

    found: Sequence[str]
    is_met: bool
    says: str


@dataclass(slots=True, kw_only=True)
class Example:
    """An event that was looked at; `tags` is None where they decide nothing."""

    event: RecentEvent
    verdict: Verdict
    tags: TagsSeen | None = None
    conditions: list[Seen] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterPreview:
    """How many events were looked at and what became of them; not `is_complete` where a bound ended it before."""

    looked_at: int
    counts: dict[Verdict, int]
    oldest_at: datetime | None
    is_complete: bool
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Types and tags of which an endpoint wants events, each empty where it wants all."""

    types: Sequence[str]
    tags: Sequence[str]

    def refuses(self, event: RecentEvent) -> Verdict | None:
        """Say why an event is none of these before any filter looks at it, as sql/accept_events.sql decides it."""
        if (self.types or is_ours(event.type)) and not set(matching_keys(event.type)) & set(self.types):
            return Verdict.OTHER_TYPE
        if self.tags and not is_ours(event.type) and not set(event.tags) & set(self.tags):
            return Verdict.OTHER_TAGS
        return None


class _Look:
    """What is left of the time for one preview, and what filters look at by a pin."""

    def __init__(self, pin: str | None) -> None:
        self._pin = pin
        self._end = time.monotonic() + SECONDS

    @property
    def left(self) -> float:
        return self._end - time.monotonic()

    def at(self, event_ids: Sequence[UUID]) -> dict[str, object]:
        """Return events as statements take them, with the bodies of those that look otherwise."""
        bodies = mapped_bodies(event_ids, self._pin)
        return {"event_ids": list(event_ids), "bodies": [bodies.get(each) for each in event_ids]}


def preview_filter(
    customer_id: UUID,
    *,
    filter_: str,
    event_types: Sequence[str],
    tags: Sequence[str] = (),
    api_version: str | None = None,
    limit: int = EXAMPLES,
    only: Verdict | None = None,
) -> FilterPreview:
    """Look at a customer's last events as of a version; raises InvalidInput, TooManyAtOnce, and Unavailable."""
    checked = check_fields({"filter": filter_, "event_types": list(event_types), "tags": list(tags)})
    text, wanted = checked["filter"], Wanted(tuple(checked["event_types"]), tuple(checked["tags"] or ()))
    with filter_previews.turn():
        return _preview(customer_id, text, wanted, _Look(api_version), limit=limit, only=only)


def _preview(
    customer_id: UUID, text: str, wanted: Wanted, look: _Look, *, limit: int, only: Verdict | None
) -> FilterPreview:
    try:
        with at_most(seconds=LOOK_SECONDS):
            found = recent_events(customer_id)
    except TooSlow as error:
        raise Unavailable(say("the events are not found in time; try again")) from error
    verdicts = _judge(list(_within(found)), text, wanted, look)
    looked_at = [event for event in found if event.id in verdicts]
    examples = [_example(event, verdicts[event.id], wanted) for event in looked_at]
    shown = [each for each in examples if only is None or each.verdict == only][:limit]
    if text:
        _explain(shown, conditions_of(text), text, look)
    return FilterPreview(
        looked_at=len(looked_at),
        counts={verdict: sum(each == verdict for each in verdicts.values()) for verdict in Verdict},
        oldest_at=looked_at[-1].created_at if looked_at else None,
        is_complete=len(looked_at) == len(found),
        examples=shown,
    )


def _within(events: Sequence[RecentEvent]) -> Iterator[RecentEvent]:
    """Yield the newest events as far as their bodies together are not too large."""
    size = 0
    for event in events:
        size += event.body_bytes
        if size > BYTES:
            return
        yield event


def _example(event: RecentEvent, verdict: Verdict, wanted: Wanted) -> Example:
    is_asked = wanted.tags and verdict != Verdict.OTHER_TYPE and not is_ours(event.type)
    return Example(event=event, verdict=verdict, tags=_tags_seen(event, wanted) if is_asked else None)


def _tags_seen(event: RecentEvent, wanted: Wanted) -> TagsSeen:
    """Say which of its tags an event goes to the endpoint by, or which it lacks."""
    shared = [tag for tag in event.tags if tag in wanted.tags]
    if shared:
        says = say("The event has {tags}.", tags=", ".join(shared))
    elif event.tags:
        tags, others = ", ".join(event.tags), ", ".join(wanted.tags)
        says = say("The event has {tags}, and none of {wanted}.", tags=tags, wanted=others)
    else:
        says = say("The event has no tag, and needs one of {wanted}.", wanted=", ".join(wanted.tags))
    return TagsSeen(found=event.tags, is_met=bool(shared), says=says)


def _judge(events: Sequence[RecentEvent], text: str, wanted: Wanted, look: _Look) -> dict[UUID, Verdict]:
    """Return what becomes of each, newest first, as far as time allows."""
    verdicts: dict[UUID, Verdict] = {}
    for start in range(0, len(events), PART):
        part = events[start : start + PART]
        refused = {event.id: verdict for event in part if (verdict := wanted.refuses(event))}
        try:
            matched = _matched([event.id for event in part if event.id not in refused], text, look)
        except TooSlow:
            break
        verdicts |= refused | matched
    return verdicts


def _matched(event_ids: Sequence[UUID], text: str, look: _Look) -> dict[UUID, Verdict]:
    """Judge these; an event that no filter can evaluate is found by halving, and stands alone. Raises TooSlow."""
    if not text or not event_ids:
        return dict.fromkeys(event_ids, Verdict.MATCHED)
    if look.left <= 0:
        raise TooSlow
    try:
        with at_most(seconds=look.left):
            rows = sql.fetch(PreviewFilterRow, look.at(event_ids) | {"filter": text})
    except DataError:
        if len(event_ids) == 1:
            return {event_ids[0]: Verdict.NOT_JUDGED}
        half = len(event_ids) // 2
        return _matched(event_ids[:half], text, look) | _matched(event_ids[half:], text, look)
    return {row.event_id: Verdict.MATCHED if row.matches else Verdict.NOT_MATCHED for row in rows}


def _explain(examples: Sequence[Example], conditions: Sequence[Condition], text: str, look: _Look) -> None:
    """Say of each example what became of each condition, as far as time allows."""
    judged = [each for each in examples if each.verdict in (Verdict.MATCHED, Verdict.NOT_MATCHED)]
    strict = "strict " if text.lstrip(" \t\r\n").startswith("strict") else ""
    parameters: dict[str, object] = {"most": VALUES, "characters": VALUE_CHARACTERS}
    parameters |= {"conditions": [strict + each.text for each in conditions]}
    parameters |= {"paths": [strict + each.path if each.path else "" for each in conditions]}
    for start in range(0, len(judged), EXPLAINED_AT_ONCE):
        if look.left <= 0:
            return
        part = {each.event.id: each for each in judged[start : start + EXPLAINED_AT_ONCE]}
        try:
            with at_most(seconds=look.left):
                rows = sql.fetch(ExplainFilterRow, parameters | look.at(list(part)))
        except (TooSlow, DataError):
            return
        for row in rows:
            part[row.event_id].conditions.append(_seen(conditions[row.place - 1], row))


def _seen(condition: Condition, row: ExplainFilterRow) -> Seen:
    return Seen(condition=condition, holds=row.holds, found=row.found, found_count=row.found_count)
