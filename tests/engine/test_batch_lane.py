"""What gathers in a lane by itself: how much goes together, how long it waits. No database, no clock but numbers."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from deliveries.engine.batch_lane import CLAIM_SECONDS, LOOK_SECONDS, BatchLane
from deliveries.engine.lane import NEVER
from deliveries.engine.leased_endpoint import LeasedEndpoint
from deliveries.engine.phases import Phase
from deliveries.engine.work import BY_HAND, Claimed, Sent
from deliveries.protocol.sending.batching import BODY_LIMIT_BYTES
from deliveries.protocol.sending.payload import PLAIN, Shaping
from deliveries.protocol.when.breaker import Breaker
from tests.engine.test_lane import NOW, due

SMALL = 100


def an_endpoint(*, size: int = 10, wait_ms: int = 1000, **given: Any) -> LeasedEndpoint:
    fields: dict[str, Any] = {
        "url": "https://alice.example/",
        "signing": "standard",
        "shaping": Shaping(batch_size=size, batch_wait_ms=wait_ms),
        "keys": (),
        "hints": "",
        "headers": {},
        "hidden": (),
        "schedule": (0, 60, 60),
        "timeout_seconds": 15,
        "max_in_flight": 10,
        "rate_limit": None,
        "ordered": False,
        "enabled": True,
    }
    return LeasedEndpoint(**fields | given)


def a_lane(endpoint: LeasedEndpoint | None = None, **given: Any) -> BatchLane:
    return BatchLane(
        endpoint_id=uuid4(),
        customer_id=uuid4(),
        fence=1,
        worker_id=uuid4(),
        endpoint=endpoint or an_endpoint(),
        now=0.0,
        lease_seconds=20.0,
        **given,
    )


def some(
    count: int, *, attempts: int = 0, body_bytes: int = SMALL, rank: int = 1, manual: bool = False
) -> list[Claimed]:
    found = [due(rank=rank) for _ in range(count)]
    for each in found:
        each.attempts, each.body_bytes, each.manual = attempts, body_bytes, manual
    return found


def gathered(*parts: list[Claimed], lane: BatchLane | None = None, emptied: bool = True, now: float = 0.0) -> BatchLane:
    lane = lane or a_lane()
    lane.add([each for part in parts for each in part], emptied=emptied, now=now)
    return lane


def test_a_full_batch_waits_for_nothing_and_one_that_is_not_full_waits_its_time() -> None:
    full = gathered(some(25))
    assert [full.ready_in(0.0), len(full.take_batch(0.0)), len(full.take_batch(0.0))] == [0.0, 10, 10]
    assert (full.ready_in(0.2), len(full.waiting)) == (0.8, 5)
    part = gathered(some(3), now=5.0)
    assert (part.ready_in(5.0), part.ready_in(5.75), part.ready_in(7.0)) == (1.0, 0.25, 0.0)
    part.add(some(2), emptied=True, now=5.9)
    assert part.ready_in(6.0) == 0.0, "the first one's time counts"
    assert len(part.take_batch(6.0)) == 5
    assert part.ready_in(6.0) == NEVER


def test_without_a_time_what_is_due_goes_as_soon_as_the_next_claim_has_had_its_moment() -> None:
    lane = gathered(some(3), lane=a_lane(an_endpoint(wait_ms=0)))
    assert lane.ready_in(0.0) == 0.0
    more = gathered(some(3), lane=a_lane(an_endpoint(wait_ms=0)), emptied=False)
    assert more.ready_in(0.0) == CLAIM_SECONDS
    assert more.wants_claim(0.0)
    assert more.ready_in(CLAIM_SECONDS) == 0.0, "a claim that does not come holds up nothing"


@pytest.mark.parametrize(
    ("parts", "sizes"),
    [
        ([some(12)], [10, 2]),
        ([some(4), some(4, attempts=1), some(4)], [4, 2, 2, 4]),
        ([some(1, attempts=1), some(5)], [2, 4]),
        ([some(3, attempts=2), some(2)], [1, 1, 1, 2]),
        ([some(2, rank=3, manual=True), some(3)], [5]),
        ([some(1, rank=3, manual=True, attempts=1), some(3)], [1, 3]),
        ([some(2, rank=BY_HAND, manual=True), some(3)], [1, 1, 3]),
        ([some(3, body_bytes=BODY_LIMIT_BYTES // 2), some(2)], [1, 1, 3]),
        ([some(1, body_bytes=5 * BODY_LIMIT_BYTES), some(2)], [1, 2]),
        ([some(20, body_bytes=BODY_LIMIT_BYTES // 5)], [4, 4, 4, 4, 4]),
    ],
)
def test_what_goes_together(parts: list[list[Claimed]], sizes: list[int]) -> None:
    lane = gathered(*parts)
    found = []
    while lane.waiting:
        counted = lane.bytes_next()
        taken = lane.take_batch(0.0)
        assert counted == sum(each.body_bytes for each in taken)
        found.append(len(taken))
    assert found == sizes


def test_what_somebody_waits_for_waits_for_no_others() -> None:
    lane = gathered(some(1, rank=BY_HAND), some(2))
    assert lane.ready_in(0.0) == 0.0
    assert [len(lane.take_batch(0.0)), len(lane.waiting)] == [1, 2]
    assert lane.ready_in(0.0) == 1.0


@pytest.mark.parametrize("given", [{"crashes": 1}, {"breaker": Breaker(5, 1)}])
def test_with_care_and_as_a_probe_each_goes_alone(given: dict[str, Any]) -> None:
    lane = gathered(some(3), lane=a_lane(**given))
    assert (lane.claim_limit(100), lane.ready_in(0.0), len(lane.take_batch(0.0))) == (1, 0.0, 1)


def test_a_request_is_what_is_paid_for_and_what_the_width_counts() -> None:
    lane = gathered(some(30), lane=a_lane(an_endpoint(rate_limit=2, max_in_flight=2)))
    moment = 0.0
    for _ in range(2):
        members = lane.take_batch(moment)
        lane.note_sent(Sent(claimed=members[0], started_at=NOW))
        moment += 0.5
    assert (len(lane.in_flight), lane.has_room(), lane.ready_in(moment)) == (2, False, NEVER)
    fast = gathered(some(30), lane=a_lane(an_endpoint(rate_limit=2)))
    fast.take_batch(0.0)
    assert 0.0 < fast.ready_in(0.0) <= 0.5


def test_more_is_claimed_while_a_batch_gathers_but_not_for_each_event_that_comes() -> None:
    lane = gathered(some(3))
    assert not lane.wants_claim(1.0 - LOOK_SECONDS), "nothing was said of more"
    lane.wake()
    assert (lane.wants_claim(LOOK_SECONDS / 2), lane.wants_claim(LOOK_SECONDS)) == (False, True)
    lane.add(some(7), emptied=True, now=0.1)
    lane.wake()
    assert not lane.wants_claim(0.9), "it is full"
    assert lane.claim_limit(1000) >= 20
    slept = gathered(some(3))
    assert (slept.wants_look(0.1), slept.wants_look(slept.limits.look_again)) == (False, True)


def test_a_claim_brings_what_is_in_flight_and_what_gathers_once_more() -> None:
    lane = gathered(some(12))
    taken, waiting = lane.take_batch(0.0), {each.key for each in lane.waiting}
    lane.note_sent(Sent(claimed=taken[0], started_at=NOW))
    assert lane.in_hand() == {taken[0].key} | waiting


def test_a_new_slice_claims_anew_what_gathers_and_keeps_its_time() -> None:
    lane = gathered(some(3), now=0.5)
    lane.configure(an_endpoint(size=10), 0.9, lease_seconds=20.0)
    assert (len(lane.waiting), lane.phase) == (0, Phase.OPEN)
    assert lane.wants_claim(0.9)
    gathered(some(2), lane=lane, now=1.0)
    assert lane.ready_in(1.5) == 0.0


@pytest.mark.parametrize(
    "endpoint", [an_endpoint(shaping=PLAIN), an_endpoint(shaping=None), an_endpoint(enabled=False)]
)
def test_a_lane_whose_endpoint_wants_no_batches_any_more_is_given_back(endpoint: LeasedEndpoint) -> None:
    lane = gathered(some(3))
    lane.configure(endpoint, 0.5, lease_seconds=20.0)
    assert (lane.phase, len(lane.waiting), lane.is_done(0.5)) == (Phase.CLOSING, 0, True)


def test_what_was_too_much_for_a_request_goes_first_in_the_next() -> None:
    lane = gathered(some(4))
    taken = lane.take_batch(0.0)
    lane.put_back(taken[2:])
    assert [each.key for each in lane.waiting] == [each.key for each in taken[2:]]
    assert lane.ready_in(2.0) == 0.0
    lane.close(2.0)
    lane.put_back(taken)
    assert not lane.waiting
