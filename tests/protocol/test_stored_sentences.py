"""Sentences that the database keeps in English are known again, and what others wrote is left alone."""

from __future__ import annotations

import pytest

from deliveries.protocol.writing.sentences import Sentence
from deliveries.protocol.writing.stored_sentences import (
    OTHER_ORIGIN,
    RETEST_ARRIVED,
    TEXT_LIMIT,
    not_arrived,
    remembered,
)

DELIVERY = "dlv_01m8nbp7edf6rt9gmjcdkv5zv6"


@pytest.mark.parametrize(
    "sentence",
    [
        not_arrived(1),
        not_arrived(5),
        RETEST_ARRIVED.again(delivery=DELIVERY),
        OTHER_ORIGIN.again(origin="hooks.example.com"),
    ],
    ids=["a day", "days", "retest", "origin"],
)
def test_a_stored_sentence_has_its_message_and_values_again(sentence: Sentence) -> None:
    found = remembered(str(sentence))
    assert isinstance(found, Sentence)
    assert (str(found), found.message) == (str(sentence), sentence.message)
    assert {name: str(value) for name, value in found.values.items()} == {
        name: str(value) for name, value in sentence.values.items()
    }


def test_one_day_and_several_are_two_forms() -> None:
    assert (not_arrived(1), not_arrived(5)) == (
        "no delivery has arrived for 1 day",
        "no delivery has arrived for 5 days",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "they move to another data centre",
        "no delivery has arrived for many days",
        "no delivery has arrived for 5 days, we think",
        f"the retest {'x' * TEXT_LIMIT} arrived",
    ],
    ids=["nothing", "a person's", "no number", "more than it", "too long"],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert remembered(text) is text
