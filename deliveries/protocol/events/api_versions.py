"""Versions of the installation's API: what they are called, and the way from one to another.

What lives here: names, and which mappings lie between the version that an event was emitted in and the one that an
endpoint is pinned to. It must not know rows, nor how a mapping is evaluated. Source: Stripe's API, which pins each
endpoint to a version and knows changes between neighbours only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from deliveries.errors import CannotShape, InvalidInput
from deliveries.protocol.writing.sentences import say

VERSION_HEADER = "webhook-version"
NAME_LIMIT = 32
OLDEST, NEWEST = "oldest", "newest"  # what addresses call them, so no version is called so
AS_IT_IS = "@"  # the mapping of data that is the same in both versions
NOT_MAPPED = "version_not_mapped"

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{NAME_LIMIT - 1}}}")


class MappingStep(NamedTuple):
    """The mapping of data to a neighbouring version: `words` name both, `text` is the expression."""

    words: str
    text: str


class Mappings(NamedTuple):
    """How the data of a type changes with a version: `down` to the one before it, `up` from there; empty: unknown."""

    down: str
    up: str


class Route(NamedTuple):
    """The version that an event is sent in, and the mappings to it, in order."""

    sent_as: str
    steps: Sequence[MappingStep] = ()


def check_version_name(name: object, *, field: str = "name") -> str:
    """Return a name that a version may have; it stands in a header, an address and receivers' code."""
    if not isinstance(name, str) or _NAME.fullmatch(name) is None or name in (OLDEST, NEWEST):
        said = say(
            "a version has 1 to {limit} of the characters A-Z a-z 0-9 . _ -, such as 2026-11-01", limit=NAME_LIMIT
        )
        raise InvalidInput(said, field=field)
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionTable:
    """All released versions, the oldest first, and by type what changes with each, by its place among them.

    None for a version means the oldest: what was there before there were versions.
    """

    names: Sequence[str] = ()
    changes: Mapping[str, Mapping[int, Mappings]] = field(default_factory=dict)

    def knows(self, name: str | None) -> bool:
        """Say whether there is such a version."""
        return name is None or name in self.names

    def route(self, event_type: str, emitted: str | None, wanted: str | None) -> Route | None:
        """Return the way from one version to another, None where there are none; raises CannotShape."""
        if not self.names:
            return None
        start, end = self._place(emitted), self._place(wanted)
        changed = self.changes.get(event_type) or {}
        places = range(start, end, -1) if end < start else range(start + 1, end + 1)
        steps = [
            self._step(event_type, place, changed[place], down=end < start) for place in places if place in changed
        ]
        return Route(self.names[end], [step for step in steps if step.text.strip() != AS_IT_IS])

    def other_shapes(self, event_type: str, emitted: str | None) -> Sequence[str]:
        """Return the versions in which data of a type that was emitted in one looks otherwise, the oldest as "" too."""
        if event_type not in self.changes:
            return ()
        found = [name for name in self.names if self._is_mapped(event_type, emitted, name)]
        return [*found, ""] if self.names[0] in found else found

    def _is_mapped(self, event_type: str, emitted: str | None, wanted: str) -> bool:
        try:
            route = self.route(event_type, emitted, wanted)
        except CannotShape:
            return False
        return route is not None and bool(route.steps)

    def _place(self, name: str | None) -> int:
        if name is None:
            return 0
        if name not in self.names:
            raise CannotShape(f"there is no version {name}", error=NOT_MAPPED)
        return self.names.index(name)

    def _step(self, event_type: str, place: int, mappings: Mappings, *, down: bool) -> MappingStep:
        newer, older = self.names[place], self.names[place - 1]
        before, after = (newer, older) if down else (older, newer)
        words, text = f"{before} to {after}", mappings.down if down else mappings.up
        if not text:
            raise CannotShape(f"no mapping of {event_type} is declared from {words}", error=NOT_MAPPED)
        return MappingStep(words, text)
