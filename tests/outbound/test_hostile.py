"""Whatever a receiver does, the request ends in time, cheaply, with an answer that can be stored."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deliveries.outbound.client import prepared_post, send_one
from deliveries.outbound.guard import Guard
from deliveries.outbound.handle import BODY_LIMIT_BYTES
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer
from tests.hostile_server import Case, HostileServer
from tests.outbound.hostile_connections import CASES
from tests.outbound.memory import GROWTH_LIMIT_BYTES, only_new_garbage, resident_bytes, settled_bytes
from tests.outbound.shared import ORDINARY, post

ENDLESS_SECONDS = 20  # longer than a machine stands still: it must come to the silence in time
OTHERS_SECONDS = 600  # each of them ends by itself
SHORT_SECONDS = 0.3


@pytest.fixture(scope="module")
def met(hostile: HostileServer) -> dict[str, Answer]:
    """Every case met once, all at the same time, over one engine."""
    ends: dict[str, Answer] = {}
    targets, ca_file = hostile.targets(), hostile.kinds.ca_file
    with Transfers(rule=Guard(targets), ca_file=ca_file, connect_seconds=OTHERS_SECONDS) as transfers:
        for case in CASES:
            request = prepared_post(hostile.url(case.name), [], b"x" * case.request_bytes)
            transfers.start(request, tag=case.name, timeout_seconds=ENDLESS_SECONDS if case.endless else OTHERS_SECONDS)
        while transfers.in_flight:
            ends |= {str(tag): answer for tag, answer in transfers.finish(wait_seconds=1.0)}
    return ends


@pytest.fixture(scope="module")
def warm(hostile: HostileServer) -> Iterator[Transfers]:
    """An engine that was used: what is set up once is no growth."""
    with Transfers(rule=Guard(hostile.targets()), ca_file=hostile.kinds.ca_file) as transfers, only_new_garbage():
        for name in (ORDINARY, "good tls", "unknown authority", "infinite body"):
            send_one(post(hostile, name), timeout_seconds=SHORT_SECONDS, transfers=transfers)
        yield transfers


def test_there_are_more_than_a_hundred_cases() -> None:
    assert len(CASES) > 100


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_hostile_answer_ends_in_time_with_the_right_word(case: Case, met: dict[str, Answer]) -> None:
    """What has no end of its own ends by the deadline, or all of this hangs."""
    answer = met[case.name]

    assert answer.status == case.status
    assert answer.error in {case.error, case.or_error or case.error}
    assert case.detail in answer.detail
    assert answer.truncated == case.truncated
    assert case.body is None or answer.body == case.body
    assert {name: answer.header(name) for name in case.headers} == case.headers


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_what_a_hostile_answer_left_can_be_stored(case: Case, met: dict[str, Answer]) -> None:
    assert_storable(met[case.name])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_hostile_answer_costs_no_memory(case: Case, hostile: HostileServer, warm: Transfers) -> None:
    request = prepared_post(hostile.url(case.name), [], b"x" * case.request_bytes)
    before = highest = settled_bytes()

    warm.start(request, tag=None, timeout_seconds=SHORT_SECONDS)
    while warm.in_flight:
        warm.finish(wait_seconds=0.01)
        highest = max(highest, resident_bytes())

    assert highest - before < GROWTH_LIMIT_BYTES
    assert settled_bytes() - before < GROWTH_LIMIT_BYTES
    # The first may go over a connection that the hostile one is just closing: what may have been read is an attempt.
    assert 200 in (send_one(post(hostile), timeout_seconds=60, transfers=warm).status for _ in range(2))


def assert_storable(answer: Answer) -> None:
    """Fail unless the answer's text is text, its sizes capped, and its detail one line without secrets."""
    texts = [answer.error, answer.detail, answer.address, *(text for pair in answer.headers for text in pair)]
    for text in texts:
        assert "\0" not in text
        assert text.encode("utf-8").decode() == text
        assert len(text) <= 1024
    assert len(answer.headers) <= 50
    assert len(answer.body) <= BODY_LIMIT_BYTES
    assert len(answer.detail) <= 300
    assert "\n" not in answer.detail
    assert "hush" not in answer.detail
    assert bool(answer.error) != bool(answer.status)
    assert bool(answer.error) == bool(answer.detail)
