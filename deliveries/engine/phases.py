"""The phases of a lane, and its moves from one to the next.

              emptied                  released
      OPEN -----------> EMPTY --------------------+
       ^  <----------- /   |                      |
       |     woken    /    |                      v
       |             /     | closed           RELEASED
       +-- closed --/------+--> CLOSING --------->^
       |                        | lost            |
       +-- lost ----------------+--> LOST --------+

OPEN      claims and sends, as its width, rate and rests allow
EMPTY     nothing more was due when it was last asked; what is in hand is still sent
CLOSING   sends nothing more before its next lease; what is in flight ends
LOST      another worker's by now; what is in flight ends and is kept in the log, and changes nothing else
RELEASED  forgotten here

What lives here: the chart, as a table. A move that is not in it is a mistake of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Phase(StrEnum):
    """Where a lane stands."""

    OPEN = "open"
    EMPTY = "empty"
    CLOSING = "closing"
    LOST = "lost"
    RELEASED = "released"


class Move(StrEnum):
    """What happens to a lane."""

    EMPTY = "emptied"
    WAKE = "woken"
    CLOSE = "closed"
    LOSE = "lost"
    RELEASE = "released"


MOVES: Mapping[tuple[Phase, Move], Phase] = MappingProxyType(
    {
        (Phase.OPEN, Move.EMPTY): Phase.EMPTY,
        (Phase.OPEN, Move.WAKE): Phase.OPEN,
        (Phase.OPEN, Move.CLOSE): Phase.CLOSING,
        (Phase.OPEN, Move.LOSE): Phase.LOST,
        (Phase.OPEN, Move.RELEASE): Phase.RELEASED,
        (Phase.EMPTY, Move.WAKE): Phase.OPEN,
        (Phase.EMPTY, Move.CLOSE): Phase.CLOSING,
        (Phase.EMPTY, Move.LOSE): Phase.LOST,
        (Phase.EMPTY, Move.RELEASE): Phase.RELEASED,
        (Phase.CLOSING, Move.WAKE): Phase.CLOSING,
        (Phase.CLOSING, Move.CLOSE): Phase.CLOSING,
        (Phase.CLOSING, Move.LOSE): Phase.LOST,
        (Phase.CLOSING, Move.RELEASE): Phase.RELEASED,
        (Phase.LOST, Move.WAKE): Phase.LOST,
        (Phase.LOST, Move.CLOSE): Phase.LOST,
        (Phase.LOST, Move.LOSE): Phase.LOST,
        (Phase.LOST, Move.RELEASE): Phase.RELEASED,
    }
)


class Rest(StrEnum):
    """Why a lane rests."""

    DOWN = "down"  # nobody was there, several times in a row
    FAILING = "failing"  # it answers 5xx
    ASKED = "asked"  # 429, or a Retry-After
    ORDER = "order"  # an ordered endpoint waits for a retry
    PROBLEM = "problem"  # nothing can be sent as it is configured
    NO_SOCKET = "no_socket"  # this machine has none left
