"""What a process remembers of the database's clock, and when it does not believe it any more."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from django.db import connection

from deliveries.models import clock as host_clock
from deliveries.models.clock import FRESH_SECONDS, HostClock
from tests.wrong_clocks import host_off_by


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


@pytest.mark.parametrize("step", [0.6, -0.6, 3600.0, -86_400.0])
def test_a_clock_that_was_set_is_noticed_without_asking(host: Host, clock: HostClock, step: float) -> None:
    host.wall += step
    assert clock.reading() is None
    assert clock.likely() == host.wall


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
