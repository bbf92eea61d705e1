"""Base of pages that only show.

What lives here: permissions that say no. It must not know any noun.
"""

from __future__ import annotations

from django.http import HttpRequest

from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.parts.paging import Row


class ReadOnlyPages(PageAdmin[Row]):
    """Nothing is added, changed or deleted here, by nobody."""

    may_add = may_change = may_delete = False

    def beside(self, request: HttpRequest, row: Row) -> dict[str, object]:
        """Return what the page shows besides the row; what nobody changes has no history."""
        return {"show_history": False}
