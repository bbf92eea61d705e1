"""What errors mean for people: every one has a sentence and a next step."""

from __future__ import annotations

import pytest

from deliveries.protocol.answers.advice import ERRORS, STATUSES, advice_for
from deliveries.protocol.answers.outcome import EXPLANATIONS


def test_every_error_of_an_attempt_has_advice() -> None:
    assert ERRORS.keys() == EXPLANATIONS.keys()


@pytest.mark.parametrize("status", range(300, 600))
def test_every_status_that_is_no_success_has_advice_that_names_it(status: int) -> None:
    found = advice_for(f"http_{status // 100}xx", status)
    assert f"answers {status}" in found.says
    assert found.do.endswith(".")


def test_what_happened_fits_into_a_sentence_and_the_advice_is_one() -> None:
    for each in (*ERRORS.values(), *STATUSES.values()):
        assert not each.says.endswith(".")
        assert each.says[0].islower()
        assert each.do.endswith(".")


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        ("http_4xx", 401, "the receiver answers 401, it refuses our signature"),
        ("http_4xx", 418, "the receiver answers 418, it refuses the request"),
        ("http_5xx", 524, "the receiver answers 524: the content network in front of it does not get through to it"),
        ("connect_refused", None, "nobody listens on that port"),
        ("deadline_exceeded", 200, "the receiver is connected and does not answer in time"),
        ("unheard_of", None, "the attempt failed"),
    ],
)
def test_an_error_and_its_status_are_told_together(error: str, status: int | None, says: str) -> None:
    assert advice_for(error, status).says == says
