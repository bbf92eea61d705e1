"""What an address asks of a list: filters, words to search for, a page.

What lives here: reading it, and writing the addresses next to it. It must not know which rows there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.exceptions import BadRequest
from django.http import QueryDict

from deliveries.admin.lists.list_filters import Chip, Filter, Narrows, clean, narrowed_by, values_of
from deliveries.admin.parts.paging import Place, read_place
from deliveries.models.visible import Viewer
from deliveries.protocol.writing.sentences import say

PLACE, WORDS = "p", "q"
WORDS_LIMIT = 200
NAME_SHOWN = 50


class NoSuchFilter(BadRequest):
    """An address has a parameter that no filter reads; `query` is the address's query string without it."""

    def __init__(self, name: str, *, query: str) -> None:
        super().__init__(say("This list is not narrowed by “{name}”.", name=name[:NAME_SHOWN]))
        self.query = query


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks of a list."""

    query: QueryDict
    filters: Sequence[Filter]
    words: str
    place: Place

    @property
    def is_refused(self) -> bool:
        """Whether something was asked for that does not exist."""
        return any(each.is_refused for each in self.filters)

    @property
    def troubles(self) -> list[str]:
        """What is wrong with the filters, in sentences."""
        return [each.trouble for each in self.filters if each.trouble]

    @property
    def narrows(self) -> Narrows:
        """The words of a selection."""
        return narrowed_by(self.filters)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything narrows the list."""
        return bool(self.words or any(each.chips or each.trouble for each in self.filters))

    @property
    def chips(self) -> list[tuple[Chip, str]]:
        """What narrows the list, each with the address of the list without it."""
        return [(chip, self._without(chip)) for each in self.filters for chip in each.chips]

    @property
    def without_words(self) -> str:
        """The address of the list without the search."""
        return self.address(**{WORDS: "", PLACE: ""})

    @property
    def filter_query(self) -> str:
        """The query string of what narrows the list, without the page."""
        return self.address(**{PLACE: ""})

    def address(self, **changes: str) -> str:
        """Return the query string with some parameters changed; an empty one is left out."""
        query = self.query.copy()
        for name, value in changes.items():
            query.pop(name, None)
            if value:
                query[name] = value
        return f"?{query.urlencode()}"

    def _without(self, chip: Chip) -> str:
        query = self.query.copy()
        query.pop(PLACE, None)
        kept = [text for text in values_of(query, chip.name, several=True) if text != chip.value] if chip.is_one else []
        query.setlist(chip.name, kept)
        return f"?{query.urlencode()}"


def _without(query: QueryDict, names: Iterable[str]) -> str:
    left = query.copy()
    for name in names:
        del left[name]
    return f"?{left.urlencode()}"


def read_asked(query: QueryDict, filters: Sequence[type[Filter]], *, viewer: Viewer) -> Asked:
    """Read an address; a parameter that no filter has is refused, for it could only mean to bend the query."""
    known = {PLACE, WORDS, *(name for each in filters for name in each.names)}
    if unknown := set(query) - known:
        raise NoSuchFilter(min(unknown), query=_without(query, unknown))
    return Asked(
        query=query,
        filters=[each(query, viewer=viewer) for each in filters],
        words=clean(query.get(WORDS, "")).strip()[:WORDS_LIMIT],
        place=read_place(query.get(PLACE, "")),
    )
