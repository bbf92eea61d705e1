"""What came back for one HTTP request, as plain data.

`outbound/` makes it, `protocol/answers/outcome.py` judges it, `engine/recorder.py` stores it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from deliveries.protocol.answers.shown_body import content_encoding, inflated

HIDDEN = "[hidden]"
SHORTEST_HIDDEN = 8
STORED_BODY_BYTES = 16 * 1024


@dataclass(slots=True, unsafe_hash=True)
class Phases:
    """How long each phase of a request took; None where it did not happen, as on a kept connection.

    `first_byte_ms` runs from the request's first byte to the answer's first.
    """

    dns_ms: int | None = None
    connect_ms: int | None = None
    tls_ms: int | None = None
    first_byte_ms: int | None = None


NO_PHASES = Phases()


@dataclass(slots=True, unsafe_hash=True)  # frozen, or made by names, it would cost three times as much to make
class Answer:
    """One request's end: a final status within the deadline, or the error that ended it.

    `status` is 0 without a final status line. `error` is "" when an answer came, else one of
    dns_error, blocked_address, connect_refused, connect_timeout, tls_error,
    deadline_exceeded, protocol_error, proxy_error, or no_socket, when this machine could make no request.
    `detail` is one line for people. `address` is the one that was connected to, also over a kept connection.
    """

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    truncated: bool = False
    address: str = ""
    duration_ms: int = 0
    phases: Phases = NO_PHASES
    error: str = ""
    detail: str = ""

    def header(self, name: str) -> str | None:
        """Return the first header of that name (lower case), or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


def words_to_hide(values: Iterable[str]) -> tuple[str, ...]:
    """Return the words of secret header values that are long enough to be told from ordinary text, longest first."""
    words = {word for value in values for word in value.split() if len(word) >= SHORTEST_HIDDEN}
    return tuple(sorted(words, key=len, reverse=True))


def without(answer: Answer, words: Sequence[str]) -> Answer:
    """Return the answer without these words: a receiver that echoes our request must not fill the log with secrets."""
    if not words:
        return answer
    body, headers = answer.body, answer.headers
    if (encoding := content_encoding(headers)) and _is_echo(plain := inflated(body, encoding) or b"", words):
        # Pages would show it inflated.
        body, headers = plain[:STORED_BODY_BYTES], tuple(pair for pair in headers if pair[0] != "content-encoding")
    for word in words:
        body = body.replace(word.encode(), HIDDEN.encode())
        headers = tuple((name, value.replace(word, HIDDEN)) for name, value in headers)
    return replace(answer, body=body, headers=headers)


def _is_echo(plain: bytes, words: Sequence[str]) -> bool:
    return any(word.encode() in plain for word in words)
