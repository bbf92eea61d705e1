"""Whether the data of an event fits the schema of its type, judged before the event is stored.

What lives here: a memory of which types are checked and how, and the verdict. It must not know requests,
nor what a schema may say: schemas.py does. A change of an event type is seen within REFRESH_SECONDS, so
that checking costs no round trip per event. What the operator registered is judged by the operator's
schema, and what a service emits by no other: a customer's own type judges what that customer's keys emit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import orjson
import structlog
from django.db import InterfaceError, OperationalError, close_old_connections

from deliveries import sql
from deliveries.database.limits import seconds_left
from deliveries.database.sharing import is_sharing, share_connections
from deliveries.errors import InvalidData, Unavailable
from deliveries.models import EventType
from deliveries.protocol.remembered import remember
from deliveries.services.schemas import CompiledSchema, Violation, compiled, violations
from deliveries.sql.rows import ValidatingTypesRow

WAIT_SECONDS = 2.0
REFRESH_SECONDS = 1.0
AHEAD_SECONDS = 0.5
REMEMBERED = 1000
LOG_SECONDS = 1.0

log = structlog.get_logger(__name__)

Owner = UUID | None  # a customer, or the operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How events of one type are checked; `version` changes with every change of the row."""

    type_id: UUID
    version: str
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    read_at: float
    rules: Mapping[Owner, Rule]


Rules = Mapping[str, Mapping[Owner, Rule]]

_known: dict[str, _Known] = {}
_used: set[str] = set()  # since they were read last
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


def check_data(rules: Rules, name: str, data: bytes, *, customer_id: UUID | None) -> tuple[Violation, ...]:
    """Return what is wrong with raw JSON data of a type that only warns; raises InvalidData where it rejects.

    `customer_id` is the customer whose key emits it; None for a service.
    """
    known = rules.get(name) or {}
    rule = known.get(None) or known.get(customer_id)
    if rule is None or rule.mode == EventType.Validation.OFF:
        return ()
    schema = _schema_of(rule.type_id, rule.version)
    found = () if schema is None else tuple(violations(schema, orjson.loads(data)))
    if found:
        _tell(name, rule.mode)
    if found and rule.mode == EventType.Validation.REJECT:
        raise InvalidData(f"data does not fit the schema of {name}", found)
    return found


def _read_again(names: Collection[str], oldest: float) -> Rules:
    """Ask once for all names that are in use and old, so that there is one question a second and not one per type.

    What nobody used since then is forgotten, and nothing else for what is new: a caller that makes up names without
    end makes nobody ask but itself.
    """
    if not _reading.acquire(timeout=min(WAIT_SECONDS, seconds_left())):  # whoever reads gets no answer either
        raise Unavailable("the database did not answer")
    try:
        wanted = {name for name in {*_used, *names} if name not in _known or _known[name].read_at <= oldest}
        found = _read(wanted) if wanted else {}
        for name in [name for name, known in _known.items() if known.read_at <= oldest and name not in found]:
            del _known[name]
        room = REMEMBERED - len(_known)
        _known.update([(name, each) for name, each in found.items() if name in _known])
        _known.update([(name, each) for name, each in found.items() if name not in _known][:room])
        _used.clear()
        return {name: (found.get(name) or _known[name]).rules for name in names}
    finally:
        _reading.release()


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
    rules: dict[str, dict[Owner, Rule]] = {name: {} for name in names}
    for row in rows:
        rule = Rule(type_id=row.id, version=row.version, mode=row.validation)
        rules[row.name][row.customer_id] = rule
    return {name: _Known(read_at=now, rules=found) for name, found in rules.items()}


@lru_cache(maxsize=512)
def _schema_of(type_id: UUID, version: str) -> CompiledSchema | None:
    """Return a type's schema, compiled; `version` is what makes a changed one be read again."""
    schema = EventType.objects.filter(pk=type_id).values_list("schema", flat=True).first()
    return None if schema is None else compiled(schema)


def _tell(name: str, mode: str) -> None:
    """Log at most one line a second for each type, with how often it happened since; never the data."""
    now = time.monotonic()
    last, times = _logged.get(name, (0.0, 0))
    if now - last < LOG_SECONDS:
        _logged[name] = (last, times + 1)
        return
    remember(_logged, name, (now, 0), limit=REMEMBERED)
    log.warning("event_data_violates_schema", type=name, mode=mode, times=times + 1)
