"""Inbox addresses: URLs that lead nowhere, and what is answered there.

What lives here: the four addresses. The host is under `.invalid`, which no name server knows (RFC 2606), so a program
that has never heard of inboxes fails at them and reaches nobody. It must not know who answers: outbound/inbox.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from deliveries.protocol.writing.sentences import say


class InboxAnswer(StrEnum):
    """What an inbox answers to whatever is sent to it."""

    OK = "200"
    ERROR = "500"
    GONE = "410"
    SLOW = "slow"


INBOX_HOST = "inbox.hookpost.invalid"
INBOX_URLS: Mapping[InboxAnswer, str] = MappingProxyType(
    {answer: f"https://{INBOX_HOST}/{answer.value}" for answer in InboxAnswer}
)
ANSWER_AT: Mapping[str, InboxAnswer] = MappingProxyType({url: answer for answer, url in INBOX_URLS.items()})
EXPLAINED: Mapping[InboxAnswer, str] = MappingProxyType(
    {
        InboxAnswer.OK: say("200: it arrived"),
        InboxAnswer.ERROR: say("500: try again later"),
        InboxAnswer.SLOW: say("nothing, until the time is up"),
        InboxAnswer.GONE: say("410: gone, the endpoint is disabled"),
    }
)


def is_inbox(url: str) -> bool:
    """Say whether a stored URL is an inbox."""
    return url in ANSWER_AT
