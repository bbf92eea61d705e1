"""Ids: their text form, their time, and the delivery id that SQL must agree with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import md5
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import InvalidId
from deliveries.protocol.writing import ids

# The valid examples of TypeID 0.3.
TYPEID_VECTORS = [
    ("00000000-0000-0000-0000-000000000000", "00000000000000000000000000"),
    ("00000000-0000-0000-0000-000000000001", "00000000000000000000000001"),
    ("00000000-0000-0000-0000-00000000000a", "0000000000000000000000000a"),
    ("00000000-0000-0000-0000-000000000010", "0000000000000000000000000g"),
    ("00000000-0000-0000-0000-000000000020", "00000000000000000000000010"),
    ("ffffffff-ffff-ffff-ffff-ffffffffffff", "7zzzzzzzzzzzzzzzzzzzzzzzzz"),
    ("01890a5d-ac96-774b-bcce-b302099a8057", "01h455vb4pex5vsknk084sn02q"),
]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 220_000_000_000_000_000).map(lambda number: EPOCH + timedelta(microseconds=number))


@pytest.mark.parametrize(("uuid", "suffix"), TYPEID_VECTORS)
def test_an_id_is_written_and_read_as_typeid_says(uuid: str, suffix: str) -> None:
    assert ids.encode_id("prefix", UUID(uuid)) == f"prefix_{suffix}"
    assert ids.decode_id("prefix", f"prefix_{suffix}") == UUID(uuid)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "evt",
        "evt_",
        "evt_01h455vb4pex5vsknk084sn02",
        "evt_01h455vb4pex5vsknk084sn02qq",
        "evt_81h455vb4pex5vsknk084sn02q",
        "evt_01H455VB4PEX5VSKNK084SN02Q",
        "evt_01h455vb4pex5vsknk084sn0uq",
        "evt_01h455vb4pex5vsknk084sn0iq",
        "evt_01h455vb4pex5vsknk084sn0-q",
        "evt_01h455vb4pex5vsknk084sn02q\n",
        " evt_01h455vb4pex5vsknk084sn02q",
        "evt_\u06601h455vb4pex5vsknk084sn02q",
        "evt_evt_01h455vb4pex5vsknk084sn02q",
        "dlv_01h455vb4pex5vsknk084sn02q",
        "01h455vb4pex5vsknk084sn02q",
        "01890a5d-ac96-774b-bcce-b302099a8057",
    ],
)
def test_what_is_not_an_id_of_that_kind_is_refused(text: str) -> None:
    with pytest.raises(InvalidId, match="evt_"):
        ids.decode_id("evt", text)


@given(st.uuids())
def test_every_uuid_survives_the_way_out_and_back(value: UUID) -> None:
    assert ids.decode_id(ids.EVENT, ids.encode_id(ids.EVENT, value)) == value


@given(st.uuids(), st.uuids())
def test_ids_sort_as_their_uuids_do(one: UUID, other: UUID) -> None:
    assert (ids.encode_id("evt", one) < ids.encode_id("evt", other)) == (one < other)


@given(st.text())
def test_reading_an_id_raises_nothing_but_invalid_id(text: str) -> None:
    try:
        value = ids.decode_id("evt", text)
    except InvalidId:
        return
    assert ids.encode_id("evt", value) == text


@given(MOMENTS)
def test_the_floor_of_a_moment_is_a_version_7_id_of_that_millisecond(moment: datetime) -> None:
    floor = ids.floor_of(moment)
    assert floor.version == 7
    assert timedelta(0) <= moment - ids.time_of(floor) < timedelta(milliseconds=1)


@given(MOMENTS)
def test_the_floor_of_a_moment_is_above_every_id_of_the_millisecond_before(moment: datetime) -> None:
    milliseconds = (moment - EPOCH) // timedelta(milliseconds=1)
    if milliseconds > 0:
        last_before = UUID(int=(milliseconds << 80) - 1)
        assert last_before < ids.floor_of(moment)


def test_an_id_without_a_time_in_it_is_refused_by_time_of() -> None:
    with pytest.raises(InvalidId):
        ids.time_of(UUID(int=2**128 - 1))


@given(st.integers(0, 2**128 - 1), st.uuids())
def test_a_delivery_id_is_what_the_accepting_sql_computes(event_number: int, endpoint_id: UUID) -> None:
    event_id = UUID(int=event_number)
    digest = md5(str(event_id).encode() + str(endpoint_id).encode()).hexdigest()
    expected = f"{str(event_id)[:13]}-7{digest[0:3]}-a{digest[3:6]}-{digest[6:18]}"
    assert str(ids.delivery_id(event_id, endpoint_id)) == expected


def test_a_delivery_id_is_a_version_7_id_with_the_time_of_its_event() -> None:
    event_id = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    found = ids.delivery_id(event_id, UUID(int=7))
    assert (found.version, ids.time_of(found)) == (7, ids.time_of(event_id))


def test_two_endpoints_of_one_event_get_two_deliveries() -> None:
    event_id = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    assert ids.delivery_id(event_id, UUID(int=1)) != ids.delivery_id(event_id, UUID(int=2))
