"""What a customer had elsewhere, read as items of ours. Pure: a text comes in, items go out.

svix.py, convoy.py  as the APIs of those two answer
outpost.py          the same of Outpost, with what its operator configured
hook0.py            the same of Hook0
csv.py              a table of endpoints
hookpost.py         our own JSON
item.py             what all of them become
item_types.py       which fields an item may bring
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from deliveries.errors import InvalidInput
from deliveries.protocol.imports.convoy import read_convoy
from deliveries.protocol.imports.csv import read_csv
from deliveries.protocol.imports.hook0 import read_hook0
from deliveries.protocol.imports.hookpost import read_hookpost
from deliveries.protocol.imports.item import ImportItem
from deliveries.protocol.imports.outpost import read_outpost
from deliveries.protocol.imports.svix import read_svix

ITEM_LIMIT = 10_000
READERS: Mapping[str, Callable[[object], Sequence[ImportItem]]] = MappingProxyType(
    {
        "hookpost": read_hookpost,
        "csv": read_csv,
        "svix": read_svix,
        "convoy": read_convoy,
        "outpost": read_outpost,
        "hook0": read_hook0,
    }
)


def read_items(data: object, *, format: str) -> list[ImportItem]:  # noqa: A002
    """Return the items of a file's value, in an order in which they can be stored; raises InvalidInput."""
    items = list(_each_once(READERS[format](data)))
    if not items:
        raise InvalidInput(f"nothing of the format {format} is in it", field="data")
    if len(items) > ITEM_LIMIT:
        raise InvalidInput(f"at most {ITEM_LIMIT:,} customers, event types and endpoints at once", field="data")
    return items


def _each_once(items: Sequence[ImportItem]) -> Iterator[ImportItem]:
    """Refuse what a file has already: of two that differ each import would undo one."""
    places: dict[tuple[str, str, str], str] = {}
    for item in items:
        named = (item.kind, "" if item.kind == "customer" else item.customer, item.uid)
        first = places.setdefault(named, item.place)
        is_again = first != item.place and item.uid and not item.refused
        yield replace(item, refused=f"the file has it already, at {first}") if is_again else item
