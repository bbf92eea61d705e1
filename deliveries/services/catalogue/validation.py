"""Whether the data of an event fits the schema of its type, judged before the event is stored.

What lives here: a memory of which types are checked and how, of which versions there are, and the verdict. It must not
know requests, nor what a schema may say: schemas.py does. A change of an event type is seen within REFRESH_SECONDS, so
that checking costs no round trip per event. What the operator registered is judged by the operator's
schema, and what a service emits by no other: a customer's own type judges what that customer's keys emit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, cast
from uuid import UUID

import orjson
import structlog
from django.db import InterfaceError, OperationalError, close_old_connections

from deliveries import sql
from deliveries.database.limits import seconds_left
from deliveries.database.sharing import is_sharing, share_connections
from deliveries.errors import InvalidData, InvalidInput, Unavailable
from deliveries.models import EventType, VersionChange
from deliveries.protocol.writing.remembered import remember
from deliveries.protocol.writing.sentences import say
from deliveries.services.catalogue.schemas import (
    LIGHT_BYTES,
    CompiledSchema,
    Violation,
    compiled,
    patterns_size,
    violations,
)
from deliveries.sql.rows import ValidatingTypesRow

WAIT_SECONDS = 2.0
REFRESH_SECONDS = 1.0
AHEAD_SECONDS = 0.5
REMEMBERED = 1000
LOG_SECONDS = 1.0
HEAVY: Final = object()  # stands for a schema that the other memory holds

log = structlog.get_logger(__name__)

Owner = UUID | None  # a customer, or the operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How events of one type are checked; `version` changes with every change of the row.

    `changes` are the API's versions with which the type's schema changes, each with its row and that row's version.
    """

    type_id: UUID
    version: str
    mode: str
    changes: Mapping[str, tuple[UUID, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    read_at: float
    rules: Mapping[Owner, Rule]


Rules = Mapping[str, Mapping[Owner, Rule]]

_known: dict[str, _Known] = {}
_used: set[str] = set()  # since they were read last
_released: list[str] = []  # the API's versions, the oldest first
_reading = threading.Lock()
_ahead = threading.Lock()  # held by the thread that reads ahead
_logged: dict[str, tuple[float, int]] = {}


def rules_for(names: Collection[str]) -> Rules:
    """Return the rules of these event types, at most REFRESH_SECONDS old; mostly from memory."""
    now = time.monotonic()
    _used.update(names)
    known = {name: each for name in names if (each := _known.get(name))}
    read_at = min((each.read_at for each in known.values()), default=now)
    if len(known) < len(set(names)) or read_at <= now - REFRESH_SECONDS:
        return _read_again(names, now - REFRESH_SECONDS)
    if read_at <= now - AHEAD_SECONDS and is_sharing() and _ahead.acquire(blocking=False):
        threading.Thread(target=_read_ahead, name="event-types", daemon=True).start()
    return {name: each.rules for name, each in known.items()}


def version_emitted(given: str | None) -> str | None:
    """Return the version that data is in: the given one, else the newest; None where there are none.

    As rules_for read them last. Raises InvalidInput for one that is not released.
    """
    if given is None:
        return next(iter(_released[-1:]), None)
    if given not in _released:
        raise InvalidInput(say("there is no released version {given}", given=given), field="api_version")
    return given


def check_data(
    rules: Rules, name: str, data: bytes, *, customer_id: UUID | None, api_version: str | None = None
) -> tuple[Violation, ...]:
    """Return what is wrong with raw JSON data of a type that only warns; raises InvalidData where it rejects.

    `customer_id` is the customer whose key emits it; None for a service. `api_version` is the version it is in.
    """
    known = rules.get(name) or {}
    rule = known.get(None) or known.get(customer_id)
    if rule is None or rule.mode == EventType.Validation.OFF:
        return ()
    schema = _schema_in_force(rule, api_version)
    found = () if schema is None else tuple(violations(schema, orjson.loads(data)))
    if found:
        _tell(name, rule.mode)
    if found and rule.mode == EventType.Validation.REJECT:
        said = say("data does not fit the schema of {name}", name=name)
        if api_version:
            said = say("data does not fit the schema of {name} in version {version}", name=name, version=api_version)
        raise InvalidData(said, found)
    return found


def forget_rules() -> None:
    """Read everything anew when it is asked for next; what was changed here is seen at once.

    The versions stay as they were until then: who has the rules in hand already would find none.
    """
    _known.clear()


def _schema_in_force(rule: Rule, api_version: str | None) -> CompiledSchema | None:
    """Return the schema of a type in a version: of the last change up to it, else the type's own."""
    released = _released[:]
    if rule.changes and api_version in released:
        for name in reversed(released[: released.index(api_version) + 1]):
            if name in rule.changes:
                return _schema_of(VersionChange, *rule.changes[name])
    return _schema_of(EventType, rule.type_id, rule.version)


def _read_again(names: Collection[str], oldest: float) -> Rules:
    """Ask once for all names that are in use and old, so that there is one question a second and not one per type."""
    if not _reading.acquire(timeout=min(WAIT_SECONDS, seconds_left())):  # whoever reads gets no answer either
        raise Unavailable("the database did not answer")
    try:
        wanted = {name for name in {*_used, *names} if name not in _known or _known[name].read_at <= oldest}
        found = _read(wanted) if wanted else {}
        _keep(found, oldest)
        return {name: (found.get(name) or _known[name]).rules for name in names}
    finally:
        _reading.release()


def _keep(found: Mapping[str, _Known], oldest: float) -> None:
    """Remember what was read, and forget what is old and nobody used since.

    Nothing else is forgotten for what is new: a caller that makes up names without end makes nobody ask but itself.
    """
    for name in [name for name, known in _known.items() if known.read_at <= oldest and name not in found]:
        del _known[name]
    room = REMEMBERED - len(_known)
    _known.update([(name, each) for name, each in found.items() if name in _known])
    _known.update([(name, each) for name, each in found.items() if name not in _known][:room])
    _used.clear()


def _read_ahead() -> None:
    """Read what will be old soon, so that no caller waits for it; who cannot is told when it is needed."""
    share_connections()
    try:
        with suppress(Unavailable):
            _read_again((), time.monotonic() - AHEAD_SECONDS)
    finally:
        close_old_connections()
        _ahead.release()


def _read(names: set[str]) -> dict[str, _Known]:
    now = time.monotonic()
    try:
        rows = sql.fetch(ValidatingTypesRow, {"names": sorted(names)})
    except (OperationalError, InterfaceError) as error:
        raise Unavailable("the database did not answer") from error
    _released[:] = [row.api_version for row in rows if row.api_version and not row.name]
    rules: dict[str, dict[Owner, Rule]] = {name: {} for name in names}
    for row in rows:
        if row.api_version is None:
            changes = {} if row.customer_id else _changes_of(rows, row.name)
            rule = Rule(type_id=row.id, version=row.version, mode=row.validation, changes=changes)
            rules[row.name][row.customer_id] = rule
    return {name: _Known(read_at=now, rules=found) for name, found in rules.items()}


def _changes_of(rows: Sequence[ValidatingTypesRow], name: str) -> dict[str, tuple[UUID, str]]:
    return {row.api_version: (row.id, row.version) for row in rows if row.api_version and row.name == name}


def _schema_of(rows: type[EventType | VersionChange], key: UUID, version: str) -> CompiledSchema | None:
    """Return the schema of a type, or from a version on, compiled; `version` makes a changed one be read again.

    Few are kept of those whose patterns are large, so that no customer's types use up the memory of a process.
    """
    found = _light_schema_of(rows, key, version)
    return _heavy_schema_of(rows, key, version) if found is HEAVY else cast(CompiledSchema | None, found)


@lru_cache(maxsize=1024)
def _light_schema_of(rows: type[EventType | VersionChange], key: UUID, version: str) -> object:
    schema = _stored_schema(rows, key)
    if schema is None:
        return None
    return HEAVY if patterns_size(schema) > LIGHT_BYTES else compiled(schema)


@lru_cache(maxsize=16)
def _heavy_schema_of(rows: type[EventType | VersionChange], key: UUID, version: str) -> CompiledSchema | None:
    schema = _stored_schema(rows, key)
    return None if schema is None else compiled(schema)


def _stored_schema(rows: type[EventType | VersionChange], key: UUID) -> object:
    return rows._default_manager.filter(pk=key).values_list("schema", flat=True).first()


def _tell(name: str, mode: str) -> None:
    """Log at most one line a second for each type, with how often it happened since; never the data."""
    now = time.monotonic()
    last, times = _logged.get(name, (0.0, 0))
    if now - last < LOG_SECONDS:
        _logged[name] = (last, times + 1)
        return
    remember(_logged, name, (now, 0), limit=REMEMBERED)
    log.warning("event_data_violates_schema", type=name, mode=mode, times=times + 1)
