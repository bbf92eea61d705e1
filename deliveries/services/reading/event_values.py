"""Events that hold a value: an invoice's number, a name, an address, whole and as text.

What lives here: the condition. Bodies are bytes that nobody's index holds, so whoever asks bounds how many are looked
through. It must not parse them: what a sender wrote may be more than PostgreSQL's JSON can hold.
"""

from __future__ import annotations

import json
from functools import reduce
from operator import or_

from django.db.models import BinaryField, F, Func, IntegerField, Q, QuerySet, Value

from deliveries.models import Event

VALUE_LIMIT = 200


def holding(rows: QuerySet[Event], value: str) -> QuerySet[Event]:
    """Narrow events to those in whose body the value stands as a whole text, escaped or not."""
    written = {json.dumps(value, ensure_ascii=is_ascii).encode(errors="replace") for is_ascii in (True, False)}
    places = {f"place_{number}": _place(each) for number, each in enumerate(sorted(written))}
    return rows.alias(**places).filter(reduce(or_, (Q(**{f"{name}__gt": 0}) for name in places)))


def _place(written: bytes) -> Func:
    return Func(
        Value(written, output_field=BinaryField()),
        F("body"),
        template="position(%(expressions)s)",
        arg_joiner=" IN ",
        output_field=IntegerField(),
    )
