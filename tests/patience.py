"""Deadlines of requests that no test has chosen: so long that a machine which stands still for a while reaches none.

What lives here: the patch of libcurl's limits in this process. A test that lets a request end by its deadline says one
that is not between those two that hold where nobody says any, and has it.
"""

from __future__ import annotations

LONG_SECONDS = 600.0


def be_patient() -> None:
    """Let receivers and name servers of tests take their time."""
    from deliveries.outbound.client import TIMEOUT_SECONDS  # what they import reads settings
    from deliveries.outbound.handle import Handle
    from deliveries.outbound.multi import CONNECT_SECONDS, Transfers

    limit = Handle.limit

    def lengthened(seconds: float) -> float:
        return LONG_SECONDS if CONNECT_SECONDS <= seconds <= TIMEOUT_SECONDS else seconds

    def patiently(handle: Handle, *, timeout_seconds: float, connect_seconds: float, connection_seconds: float) -> None:
        whole, connect = lengthened(timeout_seconds), lengthened(connect_seconds)
        limit(handle, timeout_seconds=whole, connect_seconds=connect, connection_seconds=connection_seconds)

    Handle.limit = patiently  # type: ignore[method-assign]
    Transfers.__init__.__kwdefaults__["connect_seconds"] = LONG_SECONDS
