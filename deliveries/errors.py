"""Every error that Hookpost raises itself, on one page.

HookpostError
├── WrongSetting       a setting is missing or makes no sense        trying again: no
├── CannotStart        a part of the embedded default did not start  trying again: after a look at its log
├── InvalidInput       what a caller or a person gave is refused      trying again: no, change the input
│   ├── InvalidId          not an id of ours
│   ├── InvalidUrl         a URL that no request may go to
│   ├── InvalidFilter      a filter PostgreSQL could not evaluate safely
│   ├── InvalidEventType   not a dotted name, or not a pattern
│   ├── InvalidSecret      not a secret of the accepted form and size
│   ├── InvalidHeader      a header that may not be sent
│   ├── InvalidData        data that does not fit the schema of its event type
│   └── InvalidMember      a member of a JSON text that could not be kept, or could be read in two ways
├── NotAllowed         this caller may not do this                    trying again: with another key
├── NotFound           no such row, or not visible to this caller     trying again: no
├── Conflict           the state forbids it now                       trying again: later, maybe
│   ├── KeyInFlight        the same Idempotency-Key is being accepted yes, in a moment
│   └── LimitReached       a customer has as many as it may have      trying again: after some are gone
│       └── TooManyAtOnce      its share of a process is in use       yes, in a moment
├── KeyReused          an Idempotency-Key came back with another body no
├── TokenRefused       a token of the operator's issuer is not valid   trying again: with another token
├── LogInRefused       the provider's log-in of staff lets nobody in   trying again: its reason says so
├── KeyRevoked         the API key is no longer valid                 trying again: with another key
├── BatchRefused       one event of an atomic batch is refused        trying again: no, change that event
├── CannotShape        an endpoint's settings make no body of an event trying again: after they were changed
├── CannotDecrypt      no key in the keyring opens a stored secret    trying again: after the key is back
├── BodyTooSlow        the body of a request did not come in time     trying again: over a better line
├── TooManyBodies      this caller is sending too many bodies at once trying again: yes
└── Unavailable        the database did not commit                    trying again: yes
    ├── Unconfirmed        nor did it say that it did not            yes, with the same Idempotency-Key
    └── ClockOff           this host's clock is not the database's    yes, after it was set

A receiver's failure is no exception: it is an outcome (protocol/answers/outcome.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class HookpostError(Exception):
    """Root of the tree."""


class WrongSetting(HookpostError):
    """A setting is missing or makes no sense; the message names the variable."""


class CannotStart(HookpostError):
    """A part of the embedded default did not start; the message shows the end of its log."""


class InvalidInput(HookpostError):
    """Input is refused. `field` names what was wrong, as the caller calls it."""

    def __init__(self, detail: str, *, field: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class InvalidId(InvalidInput):
    """Not an id of ours."""


class InvalidUrl(InvalidInput):
    """A URL that no request may go to."""


class InvalidFilter(InvalidInput):
    """A filter that PostgreSQL could not evaluate safely."""


class InvalidEventType(InvalidInput):
    """Not a dotted event type name, or not a pattern of one."""


class InvalidSecret(InvalidInput):
    """Not a secret of the accepted form and size."""


class InvalidHeader(InvalidInput):
    """A header that may not be sent."""


class Pointed(Protocol):
    """One mistake in data: a JSON pointer (RFC 6901) and a sentence."""

    @property
    def pointer(self) -> str: ...

    @property
    def detail(self) -> str: ...


class InvalidData(InvalidInput):
    """Data does not fit the schema of its event type; each of `found` has a JSON pointer into the data and a detail."""

    def __init__(self, detail: str, found: Sequence[Pointed]) -> None:
        super().__init__(detail, field="data")
        self.found = found


class InvalidMember(InvalidInput):
    """A member of a JSON text is refused; `pointer` leads to it (RFC 6901)."""

    def __init__(self, detail: str, *, pointer: str) -> None:
        super().__init__(detail, field=pointer)
        self.pointer = pointer


class NotAllowed(HookpostError):
    """The caller may not do this, whatever the state of things."""


class NotFound(HookpostError):
    """No such row, or none that this caller may see."""


class Conflict(HookpostError):
    """The state of the row forbids it now."""


class KeyInFlight(Conflict):
    """The same Idempotency-Key is being accepted at this moment."""


class LimitReached(Conflict):
    """Whoever asks has as many of something as they may have; `limit` is its name at /meta, `owner` whose it is."""

    def __init__(self, detail: str, *, limit: str, figure: int, owner: str) -> None:
        super().__init__(detail)
        self.limit = limit
        self.figure = figure
        self.owner = owner


class TooManyAtOnce(LimitReached):
    """As many requests of this customer are under way as may be at once."""


class KeyReused(HookpostError):
    """An Idempotency-Key came back with another body."""


class TokenRefused(HookpostError):
    """A token of the operator's issuer is not valid; the message says why."""


class LogInRefused(HookpostError):
    """Nobody is let in by the provider. `reason` is one of protocol/who/log_in_refusals.py, the message for the log."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail


class KeyRevoked(HookpostError):
    """The API key was revoked or has expired."""


class BatchRefused(HookpostError):
    """One event of an atomic batch is refused, so none was stored. `place` counts from 0."""

    def __init__(self, place: int, reason: HookpostError) -> None:
        super().__init__(str(reason))
        self.place = place
        self.reason = reason


class CannotShape(HookpostError):
    """No body can be made of this event by the endpoint's settings; `error` is what its attempt ends with."""

    def __init__(self, detail: str, *, error: str = "payload_failed") -> None:
        super().__init__(detail)
        self.detail = detail
        self.error = error


class CannotDecrypt(HookpostError):
    """No key in the keyring opens a stored secret; nothing may be sent unsigned."""


class BodyTooSlow(HookpostError):
    """The body of a request did not come in time."""

    def __init__(self) -> None:
        super().__init__("the body did not come in time")


class TooManyBodies(HookpostError):
    """So many bodies of this caller, or of its kind, are on their way that no more is read now."""

    def __init__(self) -> None:
        super().__init__("too many bodies are on their way at this moment; send this one again")


class Unavailable(HookpostError):
    """The database did not commit; nothing was stored."""


class Unconfirmed(Unavailable):
    """The database did not say whether it committed: it may be stored, or not. An Idempotency-Key answers later."""

    def __init__(self) -> None:
        super().__init__(
            "the database did not say in time whether it stored this; send it again with the same Idempotency-Key, "
            "and it is stored once"
        )


class ClockOff(Unavailable):
    """This host's clock differs from the database's by more than the setting; nothing is done by either."""


def reason_of(error: BaseException) -> str:
    """Return kind and first line of a foreign error, for the log: the kind alone says too little."""
    line = (str(error).strip() or repr(error.__cause__ or error)).partition("\n")[0]
    return f"{type(error).__name__}: {line}"
