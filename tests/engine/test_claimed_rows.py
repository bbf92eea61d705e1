"""A claim is made of the end of its row, by places: these are the same in all three statements."""

from __future__ import annotations

from dataclasses import fields

import pytest

from deliveries.engine.leases import _OF_CLAIMED
from deliveries.engine.work import Claimed
from deliveries.sql.engine_rows import ClaimBatchRow, TakeLaneRow, TakeLanesRow


@pytest.mark.parametrize("row", [ClaimBatchRow, TakeLanesRow, TakeLaneRow])
def test_a_row_of_a_claim_ends_with_what_a_claimed_delivery_begins_with(row: type) -> None:
    columns = row._fields[_OF_CLAIMED]  # type: ignore[attr-defined]

    assert columns[0] == "delivery_id"
    assert list(columns) == [field.name for field in fields(Claimed) if field.name != "route"]
