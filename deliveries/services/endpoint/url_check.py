"""The look at a URL while somebody types it: what registering it would say, and whether it can be connected to.

What lives here: the words, and what keeps it from being a way to look for open ports: it knows nothing but what
registering the URL and testing it would tell, sends no request, and has few of them for each member, each customer and
the process. It must not know pages.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from uuid import UUID

from deliveries import sql
from deliveries.errors import HookpostError, InvalidUrl
from deliveries.models import Member
from deliveries.outbound.reach import try_connection
from deliveries.protocol.answers.advice import ERRORS
from deliveries.protocol.sending.inbox import is_inbox
from deliveries.protocol.sending.polled import is_polled
from deliveries.protocol.writing.sentences import say
from deliveries.services.endpoint.endpoint_fields import check_endpoint_url
from deliveries.sql.rows import TakeTokenRow

CHECKS_A_MINUTE = 10  # of one member
CUSTOMERS_CHECKS_A_MINUTE = 20
AT_ONCE = 4  # in a process, which has far more threads
WINDOW_SECONDS = 60

_SLOTS = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlCheck:
    """What came of it: `is_good` is None when nobody looked."""

    is_good: bool | None
    words: str


LATER = UrlCheck(is_good=None, words=say("It is looked at when you save: too much was checked within a minute."))
NOTHING_LEAVES = UrlCheck(is_good=True, words=say("Nothing is sent anywhere for this address."))
REACHED = say("The name is found and the server takes connections, by TLS.")
REACHED_IN_CLEAR = say(
    "The name is found and the server takes connections. What is sent can be read on its way: use https."
)


def check_while_typing(url: str, *, member: Member) -> UrlCheck:
    """Return what is to be said about a URL; LATER without a turn."""
    if not (_has_token(member.pk, CHECKS_A_MINUTE) and _has_token(member.customer_id, CUSTOMERS_CHECKS_A_MINUTE)):
        return LATER
    if not _SLOTS.acquire(blocking=False):
        return LATER
    try:
        return _check(url.strip())
    finally:
        _SLOTS.release()


def _check(url: str) -> UrlCheck:
    try:
        stored = check_endpoint_url(url)
    except InvalidUrl as refused:
        return UrlCheck(is_good=False, words=say("{detail}.", detail=refused.detail))
    if is_inbox(stored) or is_polled(stored):
        return NOTHING_LEAVES
    try:
        ended = try_connection(stored)
    except HookpostError:
        return UrlCheck(is_good=False, words=say("This URL cannot be called."))
    if ended.error in ERRORS:
        advice = ERRORS[ended.error]
        return UrlCheck(is_good=False, words=say("{says}. {do}", says=advice.says, do=advice.do))
    if ended.error:
        return UrlCheck(is_good=None, words=say("It cannot be told now whether the server is reached."))
    return UrlCheck(is_good=True, words=REACHED if stored.startswith("https:") else REACHED_IN_CLEAR)


def _has_token(owner: UUID, limit: int) -> bool:
    asked = {"key_id": owner, "limit": limit, "window_seconds": WINDOW_SECONDS}
    return sql.fetch(TakeTokenRow, asked)[0].taken
