"""What came back for one HTTP request, as plain data.

`outbound/` makes it, `protocol/outcome.py` judges it, `services/turns.py` stores it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One request's end: a final status within the deadline, or the error that ended it.

    `status` is 0 without a final status line. `error` is "" when an answer came, else one of
    dns_error, blocked_address, connect_refused, connect_timeout, tls_error,
    deadline_exceeded, protocol_error, proxy_error. `detail` is one line for people.
    """

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    truncated: bool = False
    error: str = ""
    detail: str = ""
    address: str = ""
    duration_ms: int = 0

    def header(self, name: str) -> str | None:
        """Return the first header of that name (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)
