"""Why something is done: the reason that customers read, and the note that only staff read.

What lives here: their shape, and reading both from a body. It must not know what is done.
"""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from deliveries.api.auth import caller_of
from deliveries.api.base import given
from deliveries.api.fields import Shape, Text
from deliveries.errors import InvalidInput
from deliveries.models.base import REASON_LIMIT


class ReasonShape(Shape):
    """Why."""

    reason = Text(required=False, allow_blank=True, max_length=REASON_LIMIT, help_text="The customer reads it.")
    note = Text(
        required=False, allow_blank=True, max_length=REASON_LIMIT, help_text="Only staff read it; service keys only."
    )


def why(request: Request, shape: type[Shape] = ReasonShape) -> dict[str, Any]:
    """Return the checked members of a body that gives a reason; a customer's key writes no note."""
    fields = given(shape, request)
    if "note" in fields and not caller_of(request).viewer.is_operator:
        raise InvalidInput("notes are for the operator's staff; your key gives reasons", field="note")
    return fields
