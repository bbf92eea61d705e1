"""What a process remembers of the database's clock, and when it does not believe it any more."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from deliveries.models import ApiKey, AuditEntry, Customer
from deliveries.models import clock as host_clock
from deliveries.models.clock import FRESH_SECONDS, HostClock
from deliveries.services.people.api_keys import create_api_key, find_api_key
from tests.wrong_clocks import DAY, host_off_by


@dataclass
class Host:
    """Two clocks that a test moves; `pauses` is how long the process stands still at each of the next looks."""

    wall: float = 1_000_000.0
    steady: float = 50.0
    pauses: list[float] = field(default_factory=list)

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def look(self) -> float:
        if self.pauses:
            self.pass_time(self.pauses.pop(0))
        return self.wall


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def clock(host: Host) -> HostClock:
    """A clock that is 20 seconds ahead of the database's, as a quick round trip told."""
    clock = HostClock(wall=host.look, steady=lambda: host.steady)
    clock.learn(host.wall - 20, asked_at=host.wall, answered_at=host.wall)
    return clock


def test_a_reading_is_used_until_it_is_old(host: Host, clock: HostClock) -> None:
    host.pass_time(FRESH_SECONDS)
    assert clock.reading() is not None
    host.pass_time(1)
    assert clock.reading() is None


def test_a_reading_is_young_for_a_second(host: Host, clock: HostClock) -> None:
    host.pass_time(0.9)
    assert clock.is_young()
    host.pass_time(0.2)
    assert not clock.is_young()
    assert not HostClock(wall=host.look, steady=lambda: host.steady).is_young()


@pytest.mark.parametrize("step", [0.6, -0.6, 3600.0, -86_400.0])
def test_a_clock_that_was_set_is_noticed_without_asking(host: Host, clock: HostClock, step: float) -> None:
    host.wall += step
    assert clock.reading() is None
    assert clock.was_set()


@pytest.mark.parametrize("step", [0.6, -0.6, 3600.0, -86_400.0])
def test_a_clock_that_was_set_tells_the_time_as_it_was_going_on_before(
    host: Host, clock: HostClock, step: float
) -> None:
    host.pass_time(5)
    before = clock.likely()
    host.wall += step
    host.pass_time(100)
    assert clock.likely() == pytest.approx(before + 100)


def test_a_host_that_was_asleep_is_noticed_without_asking(host: Host, clock: HostClock) -> None:
    """Asleep, the steady clock stands still and the wall clock is set when it wakes."""
    host.wall += 7200
    assert clock.reading() is None


def test_a_clock_that_is_slewed_keeps_its_reading(host: Host, clock: HostClock) -> None:
    host.pass_time(20)
    host.wall += 0.1
    assert clock.reading() is not None


@pytest.mark.parametrize("pauses", [[2.0], [0.0, 3.0], [1.0, 1.0, 1.0]])
def test_a_process_that_stands_still_between_two_looks_does_not_take_it_for_a_step(
    host: Host, clock: HostClock, pauses: list[float]
) -> None:
    host.pauses = list(pauses)
    assert clock.reading() is not None
    host.pauses = list(pauses)
    clock.learn(host.wall - 20, asked_at=host.wall, answered_at=host.wall)
    assert clock.reading() is not None


def test_a_slow_answer_moves_neither_a_right_clock_nor_a_quick_reading(host: Host, clock: HostClock) -> None:
    clock.learn(host.wall - 30, asked_at=host.wall, answered_at=host.wall + 8)
    assert clock.likely() == host.wall - 20
    fresh = HostClock(wall=host.look, steady=lambda: host.steady)
    fresh.learn(host.wall + 3, asked_at=host.wall, answered_at=host.wall + 8)
    assert fresh.likely() == host.wall


@pytest.mark.django_db(transaction=True)
def test_whoever_connects_to_the_database_knows_its_time() -> None:
    connection.close()
    with host_off_by(3600):
        connection.ensure_connection()
        reading = host_clock.host.reading()
    connection.close()
    assert reading is not None
    assert reading.offset_seconds == pytest.approx(3600, abs=60)


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """This host's clock, with what somebody sets it ahead by."""
    ahead = [0.0]
    monkeypatch.setattr(host_clock, "host", HostClock(wall=lambda: time.time() + ahead[0]))
    monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) + timedelta(seconds=ahead[0]))
    return ahead


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("days", [2, -2])
def test_a_clock_that_is_set_while_a_process_runs_neither_ends_keys_nor_makes_ended_ones_good(
    jumping: list[float], days: int
) -> None:
    """Given keys that end in a day, and a day ago, then a clock that is set two days off does not change that."""
    soon = datetime.now(UTC) + timedelta(days=1)
    key, shown = create_api_key("tests", ["read"], actor="user:alice", expires_at=soon)
    over, shown_over = create_api_key("over", ["read"], actor="user:alice", expires_at=soon)
    ApiKey.objects.filter(pk=over.pk).update(expires_at=soon - timedelta(days=2))
    host_clock.measure()
    jumping[0] = days * DAY
    assert find_api_key(shown) == key
    assert find_api_key(shown_over) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [True, False])
def test_what_is_made_by_a_host_whose_clock_is_off_is_of_the_databases_time(jumping: list[float], known: bool) -> None:
    """Given a clock that is off, or is set while the process runs, then rows are made, changed and audited now."""
    jumping[0] = 2 * DAY if known else 0.0
    host_clock.measure()
    jumping[0] = 2 * DAY
    before = Customer.objects.create(name="Alice & Co")
    entry = AuditEntry.objects.create(actor="user:alice", action="customer.create", customer=before)
    before.save()
    for moment in (before.created_at, before.updated_at, entry.at):
        assert abs(moment - datetime.now(UTC)) < timedelta(hours=1)
