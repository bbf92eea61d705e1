"""Versions of the installation's API: registered, prepared, released.

What lives here: the verbs, each with its audit entry. It must not know requests or forms. Versions follow each other in
the order of their registration and are released in it; what was released is never taken back, for events were emitted
in it and endpoints are pinned to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from deliveries.errors import Conflict, InvalidInput
from deliveries.models import ApiVersion, Endpoint, EventType, VersionChange
from deliveries.protocol.events.api_versions import check_version_name
from deliveries.protocol.events.event_types import is_ours
from deliveries.protocol.events.schema_changes import breaking_changes
from deliveries.protocol.events.transformation import check_transformation
from deliveries.protocol.writing.sentences import joined, say
from deliveries.services.catalogue.event_types import DESCRIPTION_LIMIT, check_example
from deliveries.services.catalogue.schemas import check_schema
from deliveries.services.catalogue.version_table import forget_versions
from deliveries.services.common import clock, limits
from deliveries.services.common.audit import record_act
from deliveries.services.common.held_rows import hold

TOLD_TYPES = 10
UNCHANGED = say("@ is the mapping of data that stays as it is")


def create_version(fields: Mapping[str, object], *, actor: str) -> ApiVersion:
    """Return the new version, which is being prepared until it is released; raises InvalidInput, Conflict."""
    name = check_version_name(fields.get("name"))
    version = ApiVersion(name=name, description=_checked_description(fields.get("description", "")))
    with transaction.atomic():
        limits.lock(None)
        limits.refuse_beyond("api_versions", ApiVersion.objects.count(), None)
        try:
            with transaction.atomic():
                version.save()
        except IntegrityError as error:
            raise Conflict(say("there is a version {name} already", name=name)) from error
        _record(version, "api_version.create", actor=actor)
    return version


def update_version(version: ApiVersion, fields: Mapping[str, object], *, actor: str) -> ApiVersion:
    """Change what is said of a version; its name is in receivers' code."""
    if "description" in fields:
        description = _checked_description(fields["description"])
        with transaction.atomic():
            hold(version)
            version.description = description
            version.save()
            _record(version, "api_version.update", actor=actor)
        forget_versions()
    return version


def release_version(version: ApiVersion, *, actor: str, force: bool = False) -> ApiVersion:
    """Make a version the newest: what is emitted from now on without a version is in it, and new endpoints get it.

    Conflict while one before it is not released, or, unless forced, a type that changes has no mapping down: endpoints
    pinned to an older version would be sent nothing of it.
    """
    with transaction.atomic():
        rows = list(ApiVersion.objects.select_for_update().order_by("id"))
        hold(version)
        if version.released_at is not None:
            return version
        if open_before := [each.name for each in rows if each.id < version.id and each.released_at is None]:
            raise Conflict(say("{name} comes before it and is not released yet", name=open_before[0]))
        if (unmapped := _unmapped(version)) and not force:
            missing = say("no mapping down is declared for {names}", names=", ".join(unmapped))
            raise Conflict(joined((missing, UNCHANGED)))
        version.released_at = clock.likely_now()
        version.save()
        _record(version, "api_version.release", actor=actor)
    forget_versions()
    return version


def delete_version(version: ApiVersion, *, actor: str) -> None:
    """Forget a version that is being prepared."""
    with transaction.atomic():
        hold(version)
        if version.released_at is not None:
            raise Conflict(say("it was released: events were emitted in it, and endpoints are pinned to it"))
        _record(version, "api_version.delete", actor=actor)
        version.delete()


def save_change(
    version: ApiVersion, event_type: str, fields: Mapping[str, object], *, actor: str, force: bool = False
) -> VersionChange:
    """Declare how a type changes with a version, or change the given fields of that.

    Conflict where a schema that is in force would break readers, unless forced.
    """
    with transaction.atomic():
        hold(version)
        _refuse_unchangeable(version, event_type)
        known = VersionChange.objects.select_for_update().filter(version=version, event_type=event_type).first()
        if known is None:
            limits.lock(None)
            limits.refuse_beyond("version_changes", VersionChange.objects.count(), None)
        change = draft_change(known or VersionChange(version=version, event_type=event_type), fields, force=force)
        change.save()
        detail = {"event_type": event_type, "fields": sorted(fields)}
        _record(version, "api_version.change", actor=actor, detail=detail)
    forget_versions()
    return change


def draft_change(change: VersionChange, fields: Mapping[str, object], *, force: bool = True) -> VersionChange:
    """Return a change with the given fields, checked and not stored; raises InvalidInput, Conflict."""
    checked = dict(fields)
    for name in checked.keys() & {"down", "up"}:
        checked[name] = check_transformation(str(checked[name]), field=name)
    if "schema" in checked:
        check_schema(checked["schema"])
        broken = [] if change._state.adding else breaking_changes(change.schema, checked["schema"])
        if broken and change.version.released_at is not None and not force:
            raise Conflict(say("this schema may break receivers: {changes}", changes=joined(broken[:10])))
    for name, value in checked.items():
        setattr(change, name, value)
    check_example(change.schema, change.example)
    return change


def delete_change(change: VersionChange, *, actor: str) -> None:
    """Forget how a type changes; not of a released version, whose data would be sent as if it were the older."""
    with transaction.atomic():
        hold(change.version)
        if change.version.released_at is not None:
            raise Conflict(joined((say("the version was released: change the mappings instead"), UNCHANGED)))
        hold(change)
        detail = {"event_type": change.event_type}
        _record(change.version, "api_version.unchange", actor=actor, detail=detail)
        change.delete()
    forget_versions()


def is_oldest(version: ApiVersion) -> bool:
    """Say whether there is none before it, so that nothing changes with it."""
    return not ApiVersion.objects.filter(id__lt=version.id).exists()


def refuse_declared(version: ApiVersion, event_type: str) -> None:
    """Raise Conflict where it is declared already how a type changes with a version."""
    if version.changes.filter(event_type=event_type).exists():
        raise Conflict(say("it is declared already how this event type changes with this version"))


def endpoints_in(endpoints: QuerySet[Endpoint], name: str) -> QuerySet[Endpoint]:
    """Return those of the endpoints that are pinned to a version; what is pinned to none is so to the oldest."""
    is_first = ApiVersion.objects.order_by("id").values_list("name", flat=True).first() == name
    return endpoints.filter(Q(api_version=name) | Q(api_version=None) if is_first else Q(api_version=name))


def newest_version() -> str | None:
    """Return what new endpoints are pinned to; None where nothing was released."""
    rows = ApiVersion.objects.exclude(released_at=None).order_by("-id")
    return rows.values_list("name", flat=True).first()


def released_versions() -> list[str]:
    """Return the names of all versions that were released, the oldest first."""
    return list(ApiVersion.objects.exclude(released_at=None).order_by("id").values_list("name", flat=True))


def check_pin(name: object) -> str | None:
    """Return the version that an endpoint may be pinned to, None for the oldest; raises InvalidInput."""
    if name is None:
        return None
    released = released_versions()
    if name not in released:
        unknown = say("there is no released version {name}", name=str(name)[:40])
        there = [say("there are {names}", names=", ".join(released))] if released else []
        raise InvalidInput(joined((unknown, *there)), field="api_version")
    return str(name)


def _refuse_unchangeable(version: ApiVersion, event_type: str) -> None:
    if is_oldest(version):
        raise Conflict(say("the oldest version has none before it: what it is like the event types themselves say"))
    if is_ours(event_type) or not EventType.objects.filter(customer=None, name=event_type).exists():
        raise InvalidInput(say("there is no event type of the operator's of this name"), field="event_type")


def _unmapped(version: ApiVersion) -> list[str]:
    rows = version.changes.filter(down="").order_by("event_type")
    return list(rows.values_list("event_type", flat=True)[:TOLD_TYPES])


def _checked_description(text: object) -> str:
    if not isinstance(text, str) or len(text) > DESCRIPTION_LIMIT or "\x00" in text:
        raise InvalidInput(say("at most {limit} characters, and no NUL", limit=DESCRIPTION_LIMIT), field="description")
    return text


def _record(version: ApiVersion, action: str, *, actor: str, detail: Mapping[str, object] | None = None) -> None:
    record_act(
        actor, action, customer=None, object_id=version.public_id, detail={"name": version.name, **(detail or {})}
    )
