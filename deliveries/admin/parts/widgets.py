"""The box in which people pick a row by typing.

Lives here: what Django's box does not stand: an id that is none, posted by somebody's own program. It must not know
which rows there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.contrib.admin.widgets import AutocompleteSelect


class RowPicker(AutocompleteSelect):
    """Django's box; it shows nothing as picked where the value is no id."""

    def optgroups(
        self, name: str, value: Sequence[str], attr: dict[str, object] | None = None
    ) -> list[tuple[str | None, list[dict[str, object]], int | None]]:
        """Return what is picked; the form's own check says what is wrong with the rest."""
        return super().optgroups(name, [each for each in value if not each or _is_id(each)], attr)


def _is_id(text: str) -> bool:
    try:
        UUID(str(text))
    except ValueError:
        return False
    return True
