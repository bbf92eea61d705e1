"""What a worker remembers of endpoints that it leased before, and when it reads one anew."""

from __future__ import annotations

import base64
import os
import time
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from deliveries.engine import leased_endpoint as module
from deliveries.engine.leased_endpoint import KEPT_ENDPOINTS, KEPT_SECONDS, leased_endpoint
from deliveries.models.base import new_id
from deliveries.models.keyring import seal
from deliveries.sql.engine_rows import RenewLeasesRow, TakeLaneRow, TakeLanesRow

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"o" * 32).decode()


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> module._Remembered:
    fresh = module._Remembered()
    monkeypatch.setattr(module, "_remembered", fresh)
    return fresh


def a_row(*, endpoint_id: UUID | None = None, secret: str = SECRET, **given: object) -> RenewLeasesRow:
    secret_id = new_id()
    row = RenewLeasesRow(
        endpoint_id=endpoint_id or new_id(),
        url="https://receiver.example/hook",
        state="enabled",
        signing="standard",
        shaping=None,
        rate_limit=None,
        max_in_flight=10,
        retry_schedule=[0, 5],
        timeout_seconds=30,
        ordered=False,
        set_aside_after=None,
        headers_sealed=None,
        credentials_sealed=None,
        secret_ids=[secret_id],
        sealed=[seal(secret.encode(), row_id=secret_id)],
        hints=["k..."],
    )
    return row._replace(**given)


def again(row: RenewLeasesRow) -> RenewLeasesRow:
    """Return the same columns, as another answer of the database has them."""
    secret_ids = [UUID(str(each)) for each in row.secret_ids or ()]
    return row._replace(secret_ids=secret_ids, sealed=[bytes(bytearray(each)) for each in row.sealed or ()])


def test_an_endpoint_whose_columns_are_as_before_is_not_opened_again() -> None:
    row = a_row()
    assert leased_endpoint(again(row)) is leased_endpoint(row)


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "https://elsewhere.example"},
        {"state": "paused"},
        {"ordered": True},
        {"retry_schedule": [0]},
        {"hints": []},
    ],
)
def test_what_was_changed_holds_with_the_next_lease(changed: dict[str, object]) -> None:
    row = a_row()
    before, after = leased_endpoint(row), leased_endpoint(again(row)._replace(**changed))
    assert after != before
    assert leased_endpoint(row) == before


def test_a_new_secret_signs_with_the_next_lease() -> None:
    row = a_row()
    other = a_row(endpoint_id=row.endpoint_id, secret=OTHER_SECRET)
    assert leased_endpoint(row).keys != leased_endpoint(other).keys


def test_two_endpoints_with_the_same_columns_are_two() -> None:
    """Given columns that were copied to another row, then its secret is the other's, opened for that row."""
    row = a_row()
    assert leased_endpoint(row._replace(endpoint_id=new_id())) is not leased_endpoint(row)


def test_what_cannot_be_opened_is_tried_with_each_lease(settings: SettingsWrapper) -> None:
    row, kept = a_row(), settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = (("another", base64.b64encode(os.urandom(32)).decode()),)
    assert leased_endpoint(row).problem
    settings.ENCRYPTION_KEYS = kept
    assert not leased_endpoint(row).problem
    settings.ENCRYPTION_KEYS = (("another", base64.b64encode(os.urandom(32)).decode()),)
    assert leased_endpoint(row).problem, "a keyring without its key opens nothing, whatever was opened before"


def test_nothing_is_remembered_for_long_nor_of_many(
    remembered: module._Remembered, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = a_row()
    first = leased_endpoint(row)
    for _ in range(KEPT_ENDPOINTS):
        leased_endpoint(row._replace(endpoint_id=new_id()))
    assert len(remembered._known) <= KEPT_ENDPOINTS
    leased_endpoint(row)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + KEPT_SECONDS + 1)
    assert leased_endpoint(row) == first
    assert len(remembered._known) == 1


def test_all_statements_have_these_columns_in_one_order() -> None:
    names = {kind._fields[columns] for kind, columns in module._COLUMNS.items()}
    assert len(names) == 1
    assert set(module._COLUMNS) == {TakeLanesRow, TakeLaneRow, RenewLeasesRow}
