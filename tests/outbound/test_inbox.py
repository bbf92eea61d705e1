"""Inbox addresses: answered without a name server or a socket, however the process may send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from deliveries.errors import InvalidUrl
from deliveries.outbound.client import prepared_post
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.sending.inbox import INBOX_HOST, INBOX_URLS, InboxAnswer, is_inbox
from deliveries.protocol.writing.urls import check_url


class Nowhere:
    """No address at all; asking is a mistake."""

    def permits(self, address: str, port: int) -> bool:
        """Fail: nothing may be dialled here."""
        raise AssertionError(f"{address}:{port} was to be dialled")


def no_names(*asked: object, **more: object) -> Sequence[tuple[object, ...]]:
    raise AssertionError(f"{asked} was looked up")


@pytest.fixture(params=["", "http://127.0.0.1:9"])
def transfers(request: pytest.FixtureRequest) -> Iterator[Transfers]:
    """An engine that can reach nothing, directly or by a proxy that is away."""
    with Transfers(rule=Nowhere(), proxy=request.param, resolve=no_names) as found:
        yield found


def all_of(transfers: Transfers) -> dict[object, Answer]:
    """What ended, by tag."""
    ended: dict[object, Answer] = {}
    while transfers.in_flight:
        ended |= dict(transfers.finish(wait_seconds=5.0))
    return ended


def test_each_address_gets_its_answer_and_none_opens_a_socket(transfers: Transfers) -> None:
    for answer, url in INBOX_URLS.items():
        transfers.start(prepared_post(url, [], b"{}"), tag=answer, timeout_seconds=0.05)
    assert transfers.in_flight == len(InboxAnswer)
    found = {tag: (answer.status, answer.error) for tag, answer in all_of(transfers).items()}
    assert found == {
        InboxAnswer.OK: (200, ""),
        InboxAnswer.ERROR: (500, ""),
        InboxAnswer.GONE: (410, ""),
        InboxAnswer.SLOW: (0, "deadline_exceeded"),
    }


def test_the_slow_one_ends_at_its_deadline_and_holds_nobody_up(transfers: Transfers) -> None:
    transfers.start(prepared_post(INBOX_URLS[InboxAnswer.SLOW], [], b""), tag="slow", timeout_seconds=3600)
    transfers.start(prepared_post(INBOX_URLS[InboxAnswer.OK], [], b""), tag="quick", timeout_seconds=3600)
    assert [tag for tag, _ in transfers.finish(wait_seconds=60)] == ["quick"]
    assert transfers.finish(wait_seconds=0) == []
    assert transfers.in_flight == 1


@pytest.mark.parametrize(
    "url",
    [
        f"https://{INBOX_HOST}/",
        f"https://{INBOX_HOST}/200/",
        f"https://{INBOX_HOST}/200?x",
        f"https://{INBOX_HOST}:443/200",
        f"http://{INBOX_HOST}/200",
        f"https://x.{INBOX_HOST}/200",
        f"https://{INBOX_HOST.upper()}/200",
    ],
)
def test_what_is_not_exactly_an_inbox_is_a_host_that_is_never_called(url: str) -> None:
    assert not is_inbox(url)
    with pytest.raises(InvalidUrl):
        check_url(url, allow_http=True, ports=[(1, 65535)])
