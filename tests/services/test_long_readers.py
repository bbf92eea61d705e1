"""Somebody reads the log for long, as pg_dump does: partitions come and go, and nobody waits behind that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection, transaction
from structlog.testing import capture_logs

from deliveries.services.housekeeping import retention

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = datetime.now(UTC) - timedelta(days=400)


@pytest.fixture
def reader() -> Iterator[psycopg.Connection]:
    """Another session that has read the whole log, and whose transaction is still open."""
    connection.ensure_connection()
    with psycopg.connect(**connection.get_connection_params()) as reader:
        reader.execute("SELECT count(*) FROM hookpost_event")
        reader.execute("SELECT count(*) FROM hookpost_delivery")
        reader.execute("SELECT count(*) FROM hookpost_attempt")
        yield reader
        reader.rollback()


@pytest.fixture(autouse=True)
def no_pause() -> Iterator[None]:
    """Nobody was in the way before, and nothing old is left over."""
    retention._pause.end()
    yield
    retention._pause.end()
    while retention.drop_partitions():
        pass


def test_partitions_are_opened_beside_a_reader_as_any_other(reader: psycopg.Connection) -> None:
    opened = retention.open_partitions(now=LONG_AGO)
    reader.rollback()
    assert f"hookpost_event_p{LONG_AGO:%Y%m%d}" in opened
    for table in retention.TABLES:
        assert shape_of(f"{table}_p{LONG_AGO:%Y%m%d}") == shape_of_any_partition(table)


def test_a_day_that_somebody_reads_is_dropped_later_and_the_log_says_so(reader: psycopg.Connection) -> None:
    retention.open_partitions(now=LONG_AGO)
    with capture_logs() as logs:
        assert retention.drop_partitions() == []
        assert retention.drop_partitions() == []
    (line,) = [each for each in logs if each["event"] == "partition_in_use"]
    assert line["again_in_seconds"] == retention.FIRST_PAUSE_SECONDS
    assert line["log_level"] == "warning"
    reader.rollback()
    retention._pause.until = 0
    assert len(retention.drop_partitions()) == 3 * retention.DAYS_PER_ROUND


def test_the_pause_grows_while_somebody_reads_on(reader: psycopg.Connection) -> None:
    retention.open_partitions(now=LONG_AGO)
    pauses = []
    for _ in range(8):
        retention._pause.until = 0
        retention.drop_partitions()
        pauses.append(retention._pause.seconds)
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_whoever_writes_waits_a_tenth_of_a_second_at_most(reader: psycopg.Connection) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        retention._exists_alone(cursor, "hookpost_event")
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("100ms",)


def shape_of_any_partition(table: str) -> list[tuple[object, ...]]:
    """What PostgreSQL makes of a partition by itself."""
    storage = retention.STORAGE.get(table, "")
    nobody = "('00000000-0000-0000-0000-000000000000') TO ('00000000-0000-0000-0000-000000000001')"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 0")
        cursor.execute(f"CREATE TABLE {table}_any PARTITION OF {table} FOR VALUES FROM {nobody} {storage}")
        shape = shape_of(f"{table}_any")
        transaction.set_rollback(True)
    return shape


def shape_of(partition: str) -> list[tuple[object, ...]]:
    """What a partition is made of: columns, indexes, constraints and storage, without its own name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname::text, atttypid::int::text, attnotnull::text, attstorage::text FROM pg_attribute"
            " WHERE attrelid = %(name)s::regclass AND attnum > 0"
            " UNION ALL SELECT replace(indexdef, %(name)s, ''), '', '', '' FROM pg_indexes WHERE tablename = %(name)s"
            " UNION ALL SELECT conname::text, pg_get_constraintdef(oid), coninhcount::text, ''"
            " FROM pg_constraint WHERE conrelid = %(name)s::regclass AND contype = 'c'"
            " UNION ALL SELECT reloptions::text, '', '', '' FROM pg_class WHERE oid = %(name)s::regclass ORDER BY 1, 2",
            {"name": partition},
        )
        return list(cursor.fetchall())
