"""The address of endpoints that are polled: a URL that leads nowhere, as an inbox has one.

What lives here: the address, and what becomes of a lease in the words of an answer. The host is under `.invalid`, which
no name server knows (RFC 2606), so a program that has never heard of polling reaches nobody. It must not know pollers.
"""

from __future__ import annotations

from deliveries.protocol.answers.answer import Answer

POLLED_HOST = "poll.hookpost.invalid"
POLLED_URL = f"https://{POLLED_HOST}/"  # sql/parts/has_due.sql has it too: engines pass such endpoints by
ADDRESS = "poll"
LAPSED = "poll_lapsed"
REASON_LIMIT = 1000


def is_polled(url: str) -> bool:
    """Say whether a stored URL is that of endpoints that are polled."""
    return url == POLLED_URL


def acknowledged() -> Answer:
    """Return what a receiver would have answered: 204."""
    return Answer(status=204, address=ADDRESS)


def refused(reason: str, *, retry_after: int | None = None, give_up: bool = False) -> Answer:
    """Return what a receiver would have answered: 422 with the reason, and its wishes as headers."""
    headers = [("content-type", "text/plain; charset=utf-8")]
    headers += [("webhook-delivery", "abort-message")] if give_up else []
    headers += [("retry-after", str(retry_after))] if retry_after is not None else []
    return Answer(status=422, headers=tuple(headers), body=reason.encode(), address=ADDRESS)


def lapsed() -> Answer:
    """Return what it is when nobody answered a lease while it lasted."""
    return Answer(error=LAPSED, detail="nobody acknowledged or refused it while the lease lasted", address=ADDRESS)
