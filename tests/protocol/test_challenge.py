"""Challenges: what is an answer, how often is asked, and that nothing else is made for a URL that has yet to answer."""

from __future__ import annotations

import json

import pytest

from deliveries.conf import load
from deliveries.errors import CannotShape, WrongSetting
from deliveries.protocol.answers.challenge import (
    CHALLENGE,
    ECHO,
    KINDS,
    OTHER,
    RATE_MAX,
    SILENT,
    ChallengeKind,
    judge_own,
    judge_permission,
    kind_for,
    next_wait,
    origin_name,
)
from deliveries.protocol.sending.payload import EventText, Shaping, shape

VALUE = "q1w2e3r4t5z6u7i8"
ORIGIN = "hooks.example"


@pytest.mark.parametrize(
    "body",
    [VALUE, f"  {VALUE}\n", json.dumps({"challenge": VALUE}), json.dumps({"ok": True, "challenge": VALUE})],
)
def test_the_value_alone_or_as_a_member_is_an_answer(body: str) -> None:
    assert judge_own(body, VALUE).proven


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", OTHER),
        ("ok", OTHER),
        (VALUE[:-1], OTHER),
        (VALUE.upper(), OTHER),
        (json.dumps({"challenge": [VALUE]}), ECHO),
        (json.dumps([VALUE]), ECHO),
        (json.dumps({"type": CHALLENGE, "data": {"challenge": VALUE}}), ECHO),
        (f"<html>you sent {VALUE}</html>", ECHO),
        ("[" * 10_000, OTHER),
        ('{"challenge": 1e999}', OTHER),
    ],
)
def test_anything_else_is_none_with_a_sentence(body: str, why: str) -> None:
    judged = judge_own(body, VALUE)
    assert (judged.proven, judged.detail) == (False, why)


@pytest.mark.parametrize(
    ("headers", "proven", "per_minute"),
    [
        ({"webhook-allowed-origin": "*"}, True, None),
        ({"webhook-allowed-origin": " HOOKS.example "}, True, None),
        ({"webhook-allowed-origin": "*", "webhook-allowed-rate": "*"}, True, None),
        ({"webhook-allowed-origin": "*", "webhook-allowed-rate": ""}, True, None),
        ({"webhook-allowed-origin": "*", "webhook-allowed-rate": "120"}, True, 120),
        ({"webhook-allowed-origin": "*", "webhook-allowed-rate": str(RATE_MAX)}, True, None),
        ({"webhook-allowed-origin": "*", "webhook-allowed-rate": "9" * 18}, True, None),
        ({}, False, None),
        ({"access-control-allow-origin": "*"}, False, None),
        ({"webhook-allowed-origin": "example"}, False, None),
        ({"webhook-allowed-origin": "evil.hooks.example"}, False, None),
        ({"webhook-allowed-origin": "*", "webhook-allowed-rate": "0"}, False, None),
        ({"webhook-allowed-origin": "*", "webhook-allowed-rate": "-1"}, False, None),
        ({"webhook-allowed-origin": "*", "webhook-allowed-rate": "1.5"}, False, None),
        ({"webhook-allowed-origin": "*", "webhook-allowed-rate": "٣"}, False, None),
        ({"webhook-allowed-origin": "*", "webhook-allowed-rate": "9" * 500}, False, None),
    ],
)
def test_a_permission_is_for_our_origin_and_a_rate_is_a_number(
    headers: dict[str, str], proven: bool, per_minute: int | None
) -> None:
    judged = judge_permission(headers, ORIGIN)
    assert (judged.proven, judged.per_minute, bool(judged.detail)) == (proven, per_minute, not proven)


def test_without_a_permission_it_says_which_header_is_missing() -> None:
    assert judge_permission({}, ORIGIN).detail == SILENT
    assert origin_name("https://Hooks.Example:8443/path") == ORIGIN


def test_each_kind_is_asked_at_growing_distances_and_then_no_more() -> None:
    both = KINDS["either"]
    assert [next_wait(tries, both[:1]) for tries in range(7)] == [0, 15, 60, 600, 3600, 21_600, None]
    assert [next_wait(tries, both) for tries in range(5)] == [0, 0, 15, 0, 60]
    assert next_wait(12, both) is None
    assert [kind_for(tries, both) for tries in range(3)] == ["own", "cloudevents", "own"]


@pytest.mark.parametrize("kind", list(ChallengeKind))
def test_nothing_but_a_challenge_is_made_for_a_url_that_has_yet_to_answer(kind: ChallengeKind) -> None:
    whole = b'{"type":"hookpost.challenge","timestamp":"2026-01-01T00:00:00Z","data":{"challenge":"q1w2"}}'
    event = EventText(id="evt_1", type="invoice.paid", whole=whole, source="https://hooks.example")
    with pytest.raises(CannotShape) as refused:
        shape(event, Shaping(challenge=kind))
    assert refused.value.error == "unverified"
    asked = EventText(id="evt_1", type=CHALLENGE, whole=whole, source="https://hooks.example", made=b"evil")
    made = shape(asked, Shaping(challenge=kind))
    expected = {"own": (whole, {}), "cloudevents": (b"", {"webhook-request-origin": ORIGIN})}
    assert (made.body, dict(made.headers)) == expected[kind]


def test_the_setting_takes_the_words_that_are_known() -> None:
    for word in KINDS:
        assert load({"HOOKPOST_CHALLENGE": word}).challenge == word
    with pytest.raises(WrongSetting, match="HOOKPOST_CHALLENGE"):
        load({"HOOKPOST_CHALLENGE": "both"})
