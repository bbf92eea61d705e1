"""A table of endpoints, one a row: the least that somebody with a spreadsheet needs.

What lives here: its columns. It must not know how the text came here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from deliveries.errors import InvalidInput
from deliveries.protocol.imports.item import ImportItem, Secret, in_json


def _number(text: str) -> object:
    return int(text) if text.isdecimal() and len(text) < 10 else text  # what is none is refused with the others


def _json(text: str) -> object:
    value = in_json(text)
    return text if value is None else value


_READ: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        **dict.fromkeys(("url", "description", "filter", "payload_mode", "state"), str),
        **dict.fromkeys(("rate_limit", "max_in_flight", "timeout_seconds"), _number),
        **dict.fromkeys(("headers", "signing"), _json),
        "event_types": str.split,
    }
)
_SEPARATORS = ",;\t"
COLUMNS = ("customer", "customer_name", "uid", "secret", *_READ)


def read_csv(data: object) -> list[ImportItem]:
    """Return the endpoints of a table with a first row of column names; raises InvalidInput."""
    if not isinstance(data, str):
        raise InvalidInput("the table is given as one text", field="data")
    text = data.removeprefix("\ufeff")
    rows = csv.DictReader(io.StringIO(text), delimiter=_separator_of(text), strict=True)
    try:
        rows.fieldnames = [name.strip() for name in rows.fieldnames or ()]
        _check_columns(rows.fieldnames)
        return [_item(row, f"line {rows.line_num}") for row in rows if not _is_blank(row)]
    except csv.Error as error:
        raise InvalidInput(f"line {rows.line_num} is no CSV: {error}", field="data") from error


def _separator_of(text: str) -> str:
    """Return what stands between the names of the first row: Excel writes the separator of its machine's region."""
    first = text.partition("\n")[0]
    return max(_SEPARATORS, key=first.count)


def _is_blank(row: Mapping[str, str | None]) -> bool:
    return None not in row and not any((cell or "").strip() for cell in row.values())


def _check_columns(given: Sequence[str]) -> None:
    if unknown := [name for name in given if name not in COLUMNS]:
        raise InvalidInput(f"there is no column {unknown[0]!r}; there are {', '.join(COLUMNS)}", field="data")
    if len(set(given)) < len(given):
        raise InvalidInput("a column is there twice", field="data")
    if missing := [name for name in ("customer", "uid", "url") if name not in given]:
        raise InvalidInput(f"the column {missing[0]} is missing", field="data")


def _item(row: Mapping[str, str | None], place: str) -> ImportItem:
    cells = {name: (text or "").strip() for name, text in row.items() if name is not None and text is not None}
    fields = {name: read(cells[name]) for name, read in _READ.items() if cells.get(name)}
    misread = "it has more cells than there are columns" if None in row else ""
    if any("\0" in cell for cell in cells.values()):
        misread = "a cell holds a NUL character"
    return ImportItem(
        place=place,
        kind="endpoint",
        uid=cells.get("uid", ""),
        customer=cells.get("customer", ""),
        customer_name=cells.get("customer_name", ""),
        fields=fields,
        secrets=(Secret(text=secret),) if (secret := cells.get("secret", "")) else (),
        refused=misread or ("" if cells.get("uid") and cells.get("customer") else "customer and uid are both needed"),
    )
