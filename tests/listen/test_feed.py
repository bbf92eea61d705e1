"""Polling the feed: what is asked, how often, and what a troubled server changes."""

from __future__ import annotations

from itertools import islice

import orjson
import pytest
from django.core.management.base import CommandError

from deliveries.listen.api import Api
from deliveries.listen.feed import POLL_SECONDS, Feed, follow, server_time, start_of
from deliveries.protocol.answers.answer import Answer as Answered
from tests.receiver import Answer, Receiver, Request


def page(*ids: str, next_page: str | None = None) -> Answer:
    """A page of the feed."""
    rows = [{"id": each, "type": "a.b", "body": {"n": 1e2}, "customer": "cus_1"} for each in ids]
    return 200, {"etag": f'"{len(ids)}"'}, orjson.dumps({"next": next_page, "previous": None, "results": rows})


def polled(
    receiver: Receiver, answers: list[Answer], *, count: int
) -> tuple[list[str], list[Request], list[float], list[str]]:
    """Follow a feed that answers like this: the events, the requests, the pauses, and what was told."""
    waiting = iter(answers)
    receiver.answer = lambda request: next(waiting)
    pauses: list[float] = []
    told: list[str] = []
    feed = Feed(customer="a/b", start={"since": "2026-01-01T00:00:00Z"}, types="a.*", sleep=pauses.append)
    api = Api(base_url=receiver.url, key="hk_secret")
    events = [event.id for event in islice(follow(api, feed, tell=told.append), count)]
    return events, receiver.requests, pauses, told


def test_the_next_poll_goes_on_after_the_last_event(receiver: Receiver) -> None:
    events, requests, pauses, _ = polled(receiver, [page("e1", "e2"), page("e3")], count=3)
    assert events == ["e1", "e2", "e3"]
    assert requests[0].path == "/api/v1/customers/a%2Fb/events?types=a.%2A&since=2026-01-01T00%3A00%3A00Z"
    assert requests[1].path.endswith("?types=a.%2A&after=e2")
    assert requests[0].header("authorization") == "Bearer hk_secret"
    assert pauses == [POLL_SECONDS]


def test_a_poll_without_news_sends_the_etag_and_waits(receiver: Receiver) -> None:
    empty = page()
    events, requests, pauses, _ = polled(
        receiver, [empty, (304, {"etag": '"0"'}, b""), (304, {"etag": '"0"'}, b""), page("e1")], count=1
    )
    assert events == ["e1"]
    assert [request.header("if-none-match") for request in requests] == [None, '"0"', '"0"', '"0"']
    assert pauses == [POLL_SECONDS] * 3


def test_pages_are_followed_by_their_cursor_at_once_and_never_to_another_host(receiver: Receiver) -> None:
    elsewhere = "http://elsewhere.example/api/v1/customers/a/events?cursor=abc&types=x"
    events, requests, pauses, _ = polled(receiver, [page(next_page=elsewhere), page("e1")], count=1)
    assert events == ["e1"]
    assert requests[1].path.endswith("?types=a.%2A&cursor=abc")
    assert pauses == []


def test_a_troubled_server_is_asked_less_and_less_often_and_the_place_is_kept(receiver: Receiver) -> None:
    trouble: Answer = (503, {}, b"")
    events, requests, pauses, told = polled(
        receiver, [page("e1"), trouble, trouble, (429, {"retry-after": "7"}, b""), page("e2")], count=2
    )
    assert events == ["e1", "e2"]
    assert pauses == [POLL_SECONDS, 1.0, 2.0, 7.0]
    assert all(request.path.endswith("after=e1") for request in requests[1:])
    assert [sentence.partition("; ")[2] or sentence[-13:] for sentence in told] == ["trying again", "answers again"]


def test_what_is_no_feed_ends_with_a_sentence(receiver: Receiver) -> None:
    with pytest.raises(CommandError, match="not Hookpost's feed"):
        polled(receiver, [(200, {}, b"<html>")], count=1)


def test_the_start_is_told_by_the_servers_clock() -> None:
    answer = Answered(status=200, headers=(("date", "Tue, 03 Mar 2026 12:00:00 GMT"),))
    assert start_of(since=None, after=None, answer=answer) == {"since": "2026-03-03T12:00:00.000Z"}
    assert start_of(since="90m", after=None, answer=answer) == {"since": "2026-03-03T10:30:00.000Z"}
    assert start_of(since="2026-01-01T00:00:00Z", after=None, answer=answer) == {"since": "2026-01-01T00:00:00Z"}
    assert start_of(since="1d", after="evt_1", answer=answer) == {"after": "evt_1"}
    assert server_time(Answered(status=200)).tzinfo is not None
