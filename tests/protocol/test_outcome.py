"""Outcomes: what each kind of answer means for its delivery, lane and endpoint."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import ASKED, EXPLANATIONS, NOT_THEIRS, Outcome, at_once, decide, is_own_fault

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
ERRORS = [
    "dns_error",
    "blocked_address",
    "connect_refused",
    "connect_timeout",
    "tls_error",
    "deadline_exceeded",
    "protocol_error",
    "proxy_error",
]


def judged(
    status: int = 0, *, error: str = "", done: int = 1, schedule: tuple[int, ...] = (0, 100, 1000), **headers: str
) -> Outcome:
    """Decide about an answer with these headers (retry_after="5" is Retry-After: 5)."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    answer = Answer(status=status, error=error, headers=pairs)
    return decide(answer, schedule=schedule, attempts_done=done, now=NOW, rng=random.Random(1))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
def test_any_2xx_is_a_success(status: int) -> None:
    assert judged(status) == Outcome(state="succeeded", healthy=True)


@pytest.mark.parametrize(
    ("status", "error", "healthy"),
    [
        (300, "http_3xx", True),
        (301, "http_3xx", True),
        (304, "http_3xx", True),
        (400, "http_4xx", True),
        (404, "http_4xx", True),
        (408, "http_4xx", True),
        (429, "rate_limited", False),
        (500, "http_5xx", False),
        (503, "http_5xx", False),
        (599, "http_5xx", False),
        (100, "protocol_error", False),
        (103, "protocol_error", False),
        (0, "protocol_error", False),
        (600, "protocol_error", False),
        (999, "protocol_error", False),
    ],
)
def test_every_other_status_is_a_failure_to_be_retried(status: int, error: str, healthy: bool) -> None:
    outcome = judged(status)
    assert (outcome.state, outcome.error, outcome.healthy) == ("pending", error, healthy)
    assert outcome.retry_in_seconds is not None
    assert 80 <= outcome.retry_in_seconds <= 120


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_without_an_answer_follows_the_schedule(error: str) -> None:
    outcome = judged(error=error)
    assert (outcome.state, outcome.error, outcome.healthy) == ("pending", error, False)
    assert outcome.retry_in_seconds is not None
    assert outcome.down == (error != "protocol_error")
    assert outcome.slow == (error in ("connect_timeout", "deadline_exceeded"))


def test_a_status_does_not_hide_the_error_that_ended_the_request() -> None:
    outcome = judged(200, error="protocol_error")
    assert (outcome.state, outcome.healthy) == ("pending", False)


def test_what_came_before_an_error_is_no_wish() -> None:
    assert judged(200, error="protocol_error", webhook_delivery="disable, abort-message") == judged(
        200, error="protocol_error"
    )


def test_a_delivery_of_an_erased_event_is_over() -> None:
    outcome = judged(error="event_erased")
    assert (outcome.state, outcome.retry_in_seconds) == ("cancelled", None)


def test_only_a_want_of_our_own_is_no_attempt() -> None:
    assert is_own_fault(Answer(error="no_socket"))
    assert not any(is_own_fault(Answer(error=error)) for error in EXPLANATIONS)


def test_what_is_sent_again_at_once_is_pending_with_nothing_to_wait_for() -> None:
    exhausted = judged(401, done=3)
    assert at_once(exhausted) == Outcome(state="pending", error="http_4xx", healthy=True, retry_in_seconds=0.0)


@pytest.mark.parametrize("wish", ["abort-message", "disable"])
def test_nothing_is_sent_again_at_once_that_the_receiver_wants_no_more_of(wish: str) -> None:
    outcome = judged(401, done=3, webhook_delivery=wish)
    assert at_once(outcome) == outcome


def test_the_last_failure_of_the_schedule_exhausts_the_delivery() -> None:
    outcome = judged(500, done=3)
    assert (outcome.state, outcome.retry_in_seconds) == ("exhausted", None)


def test_the_last_attempt_of_the_schedule_can_still_succeed() -> None:
    assert judged(200, done=3).state == "succeeded"


def test_a_410_exhausts_the_delivery_and_disables_the_endpoint() -> None:
    outcome = judged(410)
    assert (outcome.state, outcome.error, outcome.retry_in_seconds) == ("exhausted", "gone", None)
    assert "410" in outcome.disable_reason


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_overloaded_endpoint_makes_the_lane_pause(status: int) -> None:
    outcome = judged(status)
    assert (outcome.pause, outcome.rest_seconds, outcome.told_to_slow_down) == (True, 0, status == 429)


@pytest.mark.parametrize("status", [200, 301, 400, 404, 410, 500, 501])
def test_other_answers_let_the_lane_go_on(status: int) -> None:
    assert (judged(status).pause, judged(status).rest_seconds) == (False, 0)


@pytest.mark.parametrize(("status", "rests"), [(429, True), (503, True), (413, False), (404, False), (500, False)])
def test_only_429_and_503_speak_for_the_whole_endpoint_in_a_retry_after(status: int, rests: bool) -> None:
    outcome = judged(status, retry_after="600")
    assert outcome.retry_in_seconds == 600
    assert outcome.rest_seconds == (600 if rests else 0)


@pytest.mark.parametrize(("milliseconds", "slow"), [(20, False), (2_999, False), (3_000, True), (26_000, True)])
def test_an_answer_that_comes_late_counts_as_slow_also_if_it_is_a_200(milliseconds: int, slow: bool) -> None:
    answer = Answer(status=200, duration_ms=milliseconds)
    outcome = decide(answer, schedule=[0, 5], attempts_done=1, now=NOW, rng=random.Random(1))
    assert (outcome.state, outcome.slow) == ("succeeded", slow)


def test_retry_after_stretches_the_retry_and_the_rest_of_the_lane() -> None:
    outcome = judged(503, retry_after="600")
    assert (outcome.retry_in_seconds, outcome.rest_seconds) == (600, 600)


def test_retry_after_never_shortens_the_schedule() -> None:
    outcome = judged(503, retry_after="1")
    assert outcome.retry_in_seconds is not None
    assert outcome.retry_in_seconds >= 80
    assert outcome.rest_seconds == 1


def test_a_retry_after_that_cannot_be_read_counts_as_none() -> None:
    assert judged(503, retry_after="soon") == judged(503)


def test_a_number_in_another_header_asks_for_no_wait() -> None:
    assert judged(503, age="600") == judged(503)


def test_of_several_retry_afters_the_longest_counts() -> None:
    answer = Answer(status=503, headers=(("retry-after", "5"), ("retry-after", "600"), ("retry-after", "soon")))
    outcome = decide(answer, schedule=[0, 100], attempts_done=1, now=NOW, rng=random.Random(1))
    assert (outcome.retry_in_seconds, outcome.rest_seconds) == (600, 600)


def test_retry_after_does_not_add_attempts_to_a_schedule_that_is_used_up() -> None:
    assert judged(503, done=3, retry_after="600").state == "exhausted"


def test_retry_after_on_a_success_means_nothing() -> None:
    assert judged(200, retry_after="600") == Outcome(state="succeeded", healthy=True)


@pytest.mark.parametrize("value", ["disable", "DISABLE", " disable ", "abort-message, disable"])
def test_a_receiver_may_ask_to_be_disabled(value: str) -> None:
    assert "webhook-delivery" in judged(500, webhook_delivery=value).disable_reason
    assert "webhook-delivery" in judged(200, webhook_delivery=value).disable_reason


def test_a_disabled_endpoint_loses_no_delivery_that_it_did_not_take() -> None:
    assert judged(500, webhook_delivery="disable").state == "pending"
    assert judged(200, webhook_delivery="disable") == Outcome(state="succeeded", healthy=True, disable_reason=ASKED)


def test_a_receiver_may_abort_one_message() -> None:
    outcome = judged(400, webhook_delivery="abort-message")
    assert (outcome.state, outcome.retry_in_seconds, outcome.disable_reason) == ("cancelled", None, "")


def test_an_aborted_message_that_was_taken_is_still_a_success() -> None:
    assert judged(200, webhook_delivery="abort-message").state == "succeeded"


def test_a_delivery_header_that_says_something_else_means_nothing() -> None:
    assert judged(500, webhook_delivery="please, disable-all") == judged(500)


@given(
    st.integers(0, 999),
    st.sampled_from(["", *ERRORS]),
    st.text(),
    st.text() | st.sampled_from(["disable", "abort-message"]),
    st.integers(1, 5),
)
def test_no_answer_can_make_the_decision_fail_or_contradict_itself(
    status: int, error: str, retry_after: str, delivery: str, done: int
) -> None:
    outcome = judged(status, error=error, done=done, retry_after=retry_after, webhook_delivery=delivery)
    assert (outcome.state == "pending") == (outcome.retry_in_seconds is not None)
    assert (outcome.state == "succeeded") == (outcome.error == "")
    assert outcome.error == "" or outcome.error in EXPLANATIONS
    assert 0 <= outcome.rest_seconds <= 86_400


def test_every_error_is_explained_in_one_sentence() -> None:
    assert set(ERRORS) <= set(EXPLANATIONS)
    assert all(text.endswith(".") and text.count(". ") == 0 for text in EXPLANATIONS.values())


@pytest.mark.parametrize("error", [*ERRORS, "gone", "rate_limited", "worker_lost", "not_sent"])
def test_every_error_of_an_attempt_is_explained_in_a_sentence(error: str) -> None:
    assert EXPLANATIONS[error].endswith(".")


@pytest.mark.parametrize(
    ("error", "duration_ms", "slow"),
    [("dns_error", 3, False), ("dns_error", 999, False), ("dns_error", 1000, True), ("tls_error", 2001, False)],
)
def test_a_name_server_that_is_silent_counts_as_slow_and_one_that_says_no_does_not(
    error: str, duration_ms: int, slow: bool
) -> None:
    outcome = decide(
        Answer(error=error, duration_ms=duration_ms),
        schedule=[0, 5],
        attempts_done=1,
        now=NOW,
        rng=random.Random(1),
    )
    assert outcome.slow is slow


@pytest.mark.parametrize("error", ["version_not_mapped", "version_mapping_failed"])
def test_what_cannot_be_mapped_is_tried_again_and_says_nothing_of_the_endpoint(error: str) -> None:
    """Given a mapping that is the operator's to mend, then no lane rests, slows down or counts as failing for it."""
    outcome = judged(error=error)
    assert (outcome.error, str(outcome.state)) == (error, "pending")
    assert outcome.retry_in_seconds is not None
    assert not any((outcome.down, outcome.pause, outcome.slow, outcome.rest_seconds, outcome.disable_reason))
    assert error in NOT_THEIRS
