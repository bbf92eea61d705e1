"""The keyring and what it sealed: which keys are in use, moving everything to the first one, refusing a wrong ring.

What lives here: secrets, header sets, credentials, second factors and items to import, as sealed bytes. It must not
know what is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, ProgrammingError, transaction

from deliveries import sql
from deliveries.errors import CannotDecrypt, WrongSetting
from deliveries.models import Endpoint, EndpointSecret, ImportLine, SecondFactor
from deliveries.models.keyring import seal, sealed_prefix, unseal
from deliveries.services.common.audit import record_act
from deliveries.sql.key_rows import (
    SealingKeysRow,
    StaleCredentialsRow,
    StaleFactorsRow,
    StaleHeadersRow,
    StaleImportsRow,
    StaleSecretsRow,
)

log = structlog.get_logger(__name__)

BATCH = 500
StaleRow = StaleSecretsRow | StaleHeadersRow | StaleCredentialsRow | StaleFactorsRow | StaleImportsRow
BEFORE_ALL = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind of sealed value: what locks the stale ones, how one is written, how it is given up."""

    stale: type[StaleRow]
    write: Callable[[UUID, bytes], object]
    forget: Callable[[UUID], object]


_KINDS = (
    _Kind(
        stale=StaleSecretsRow,
        write=lambda row_id, sealed: EndpointSecret.objects.filter(id=row_id).update(sealed=sealed),
        forget=lambda row_id: EndpointSecret.objects.filter(id=row_id).delete(),
    ),
    _Kind(
        stale=StaleHeadersRow,
        write=lambda row_id, sealed: Endpoint.objects.filter(id=row_id).update(headers_sealed=sealed),
        forget=lambda row_id: Endpoint.objects.filter(id=row_id).update(headers_sealed=None, header_names=[]),
    ),
    _Kind(
        stale=StaleCredentialsRow,
        write=lambda row_id, sealed: Endpoint.objects.filter(id=row_id).update(credentials_sealed=sealed),
        forget=lambda row_id: Endpoint.objects.filter(id=row_id).update(
            credentials_sealed=None, auth_shown=None, tls_shown=None
        ),
    ),
    _Kind(
        stale=StaleFactorsRow,
        write=lambda row_id, sealed: SecondFactor.objects.filter(id=row_id).update(sealed=sealed),
        forget=lambda row_id: SecondFactor.objects.filter(id=row_id).delete(),
    ),
    _Kind(
        stale=StaleImportsRow,
        write=lambda row_id, sealed: ImportLine.objects.filter(id=row_id).update(sealed=sealed),
        forget=lambda row_id: ImportLine.objects.filter(id=row_id).delete(),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """How many values of a kind one key sealed, and whether the ring opens the newest of them."""

    kind: str
    key_id: str
    number: int
    opens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """What one batch came to: values sealed anew, and values that no key of the ring opens."""

    resealed: int
    unopened: int


def stored_keys() -> list[KeyUse]:
    """Return every key that sealed something stored, the one of the newest value first."""
    return [
        KeyUse(kind=row.kind, key_id=_readable(row.key_id), number=row.number, opens=_opens(row.sealed, row.id))
        for row in sql.fetch(SealingKeysRow, {})
    ]


def reseal_all(*, actor: str, batch: int = BATCH, forget_lost: bool = False) -> Generator[Resealed, None, None]:
    """Seal everything anew that another key than the first sealed; one committed batch for each step taken.

    Stop at any step: what is done is done, and the next run starts with what is left. With `forget_lost`,
    what no key opens is removed: such an endpoint is not sent to until it gets a new secret.
    """
    resealed = unopened = 0
    try:
        for kind in _KINDS:
            after: UUID | None = BEFORE_ALL
            while after is not None:
                step, after = _reseal_batch(kind, after=after, batch=batch, forget_lost=forget_lost)
                resealed, unopened = resealed + step.resealed, unopened + step.unopened
                yield step
    finally:
        forgotten = unopened if forget_lost else 0
        if resealed or forgotten:
            detail = {"key": first_key_id(), "values": resealed, "forgotten": forgotten}
            record_act(actor, "keys.rotate", object_id="keyring", detail=detail)


def first_key_id() -> str:
    """Return the id of the key that seals now."""
    key_id: str = settings.ENCRYPTION_KEYS[0][0]
    return key_id


def refuse_wrong_ring() -> None:
    """Raise WrongSetting unless the keyring opens the newest stored value; without a database there is no telling."""
    if problem := ring_problem():
        raise WrongSetting(problem)


def ring_problem() -> str:
    """Return what is wrong with the keyring, as a sentence that names the variable; empty when nothing is."""
    try:
        rows = sql.fetch(SealingKeysRow, {})
    except ProgrammingError:  # not migrated yet
        return ""
    except (DatabaseError, InterfaceError) as error:  # away: turns look at each value anyway
        log.warning("keyring_not_checked", error=type(error).__name__)
        return ""
    try:
        for row in rows[:1]:
            unseal(bytes(row.sealed), row_id=row.id)
    except CannotDecrypt as error:
        return f"{error}; nothing may be sent without the right key"
    return ""


def _reseal_batch(kind: _Kind, *, after: UUID, batch: int, forget_lost: bool) -> tuple[Resealed, UUID | None]:
    resealed = unopened = 0
    with transaction.atomic():
        rows = sql.fetch(kind.stale, {"prefix": sealed_prefix(), "after": after, "batch": batch})
        for row in rows:
            try:
                kind.write(row.id, seal(unseal(bytes(row.sealed), row_id=row.id), row_id=row.id))
                resealed += 1
            except CannotDecrypt:
                unopened += 1
                if forget_lost:
                    kind.forget(row.id)
    return Resealed(resealed=resealed, unopened=unopened), rows[-1].id if len(rows) == batch else None


def _opens(sealed: bytes, row_id: UUID) -> bool:
    try:
        unseal(bytes(sealed), row_id=row_id)
    except CannotDecrypt:
        return False
    return True


def _readable(key_id: bytes) -> str:
    return bytes(key_id).decode(errors="replace")
