"""How long each phase of a transfer took.

Lives here: libcurl's moments, which all count from the transfer's start, as the length of each phase.
It must not know what an answer says.
"""

from __future__ import annotations

import pycurl

from deliveries.outbound.handle import Handle
from deliveries.protocol.answers.answer import Phases


def phases_of(handle: Handle) -> Phases:
    """Return the phases of an ended transfer; a kept connection costs one question to libcurl, a new one five."""
    # libcurl gives a moment for this also when nothing came.
    started = handle.curl.getinfo(pycurl.STARTTRANSFER_TIME_T) if handle.status else 0
    if not handle.dialled:
        return Phases(handle.looked_up_ms, None, None, _milliseconds(0, started))
    looked_up, connected, encrypted, prepared = (handle.curl.getinfo(each) for each in _MOMENTS)
    dns_ms = (handle.looked_up_ms or 0) + looked_up // 1000 if handle.place[0] else None
    return Phases(
        dns_ms=dns_ms,
        connect_ms=_milliseconds(looked_up, connected),
        tls_ms=_milliseconds(connected, encrypted) if handle.encrypted else None,
        first_byte_ms=_milliseconds(prepared, started),
    )


_MOMENTS = (
    pycurl.NAMELOOKUP_TIME_T,
    pycurl.CONNECT_TIME_T,
    pycurl.APPCONNECT_TIME_T,
    pycurl.PRETRANSFER_TIME_T,
)


def _milliseconds(begun: int, ended: int) -> int | None:
    """Return the time between two of libcurl's moments; one that never came is 0."""
    return max(0, ended - begun) // 1000 if ended else None
