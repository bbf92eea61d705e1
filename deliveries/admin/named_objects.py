"""What an id of the audit trail names, as people know it: an endpoint by its URL, a customer by its name.

What lives here: the names of all that a page of entries is about, asked for once for each noun, and for what is gone
what the trail says of it. It must not know a page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from deliveries.admin.failure.failure_words import group_name
from deliveries.admin.parts.ids import read_id
from deliveries.models import (
    ApiKey,
    ApiVersion,
    AuditEntry,
    Customer,
    Delivery,
    Endpoint,
    Event,
    EventType,
    FailureGroup,
    Job,
    Member,
    VersionChange,
    visible,
)
from deliveries.models.base import IdentifiedModel
from deliveries.models.visible import Viewer

LAST_ACTS = ("endpoint.delete", "customer.delete", "event_type.delete", "member.remove", "api_version.delete")
TELLING = ("url", "name", "username", "event_type")  # what the trail keeps of what it is about


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What something is called, empty where nobody knows; and whether it is there to be looked at."""

    words: str
    is_there: bool


GONE = Named(words="", is_there=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """How rows of one kind are read and called."""

    model: type[IdentifiedModel]
    rows: Callable[[Viewer], QuerySet[IdentifiedModel]]
    columns: Sequence[str]  # all that a name is made of: bodies and schemas stay where they are
    words: Callable[..., str]


def endpoint_name(row: Endpoint) -> str:
    """Return what people know an endpoint by: its host and path, and what somebody wrote beside it."""
    address = row.url.partition("://")[2] or row.url
    return f"{address} · {row.description}" if row.description else address


NOUNS: Mapping[str, Noun] = {
    noun.model.PREFIX: noun
    for noun in (
        Noun(
            model=Endpoint,
            rows=visible.endpoints_ever,
            columns=("url", "description", "deleted_at"),
            words=endpoint_name,
        ),
        Noun(model=Customer, rows=visible.customers, columns=("name",), words=str),
        Noun(model=Delivery, rows=visible.deliveries, columns=("event_type",), words=lambda row: row.event_type),
        Noun(model=Event, rows=visible.events, columns=("type",), words=lambda row: row.type),
        Noun(model=EventType, rows=visible.event_types, columns=("name",), words=str),
        Noun(model=ApiKey, rows=visible.api_keys, columns=("name", "hint"), words=str),
        Noun(model=Job, rows=visible.jobs, columns=("kind",), words=lambda row: row.get_kind_display()),
        Noun(model=ApiVersion, rows=visible.api_versions, columns=("name",), words=str),
        Noun(model=VersionChange, rows=visible.version_changes, columns=("event_type",), words=str),
        Noun(
            model=Member,
            rows=lambda viewer: visible.members(viewer).select_related("user"),
            columns=("user",),
            words=lambda row: row.user.get_username(),
        ),
        Noun(
            model=FailureGroup,
            rows=lambda viewer: visible.failure_groups(viewer).select_related("endpoint"),
            columns=("error", "status_code", "endpoint__url"),
            words=group_name,
        ),
    )
}


def with_names(rows: list[AuditEntry], viewer: Viewer) -> list[AuditEntry]:
    """Return entries, each with what it is about as `named`."""
    known = _found({row.object_id for row in rows}, viewer)
    gone = _told_at_the_end({row.object_id for row in rows} - set(known))
    for row in rows:
        told = _told(row.detail) or gone.get(row.object_id, "")
        row.named = known.get(row.object_id) or Named(words=told, is_there=False)  # type: ignore[attr-defined]
    return rows


def _found(wanted: Iterable[str], viewer: Viewer) -> dict[str, Named]:
    """Return what rows that are still there are called, by their public ids."""
    keys = defaultdict[str, list[UUID]](list)
    for text in wanted:
        prefix = text.partition("_")[0]
        if prefix in NOUNS and (key := read_id(prefix, text)) is not None:
            keys[prefix].append(key)
    return {
        row.public_id: Named(words=noun.words(row), is_there=getattr(row, "deleted_at", None) is None)
        for prefix, noun in NOUNS.items()
        if prefix in keys
        for row in noun.rows(viewer).filter(pk__in=keys[prefix]).only(*noun.columns)
    }


def _told_at_the_end(missing: Collection[str]) -> dict[str, str]:
    """Return what the trail called things when they went."""
    if not missing:
        return {}
    acts = AuditEntry.objects.filter(object_id__in=missing, action__in=LAST_ACTS)
    return {object_id: _told(detail) for object_id, detail in acts.values_list("object_id", "detail")}


def _told(detail: Mapping[str, object]) -> str:
    return next((value for name in TELLING if isinstance(value := detail.get(name), str)), "")
