"""Base of pages that only show.

What lives here: permissions that say no. It must not know any noun.
"""

from __future__ import annotations

from django.http import HttpRequest

from deliveries.admin.pages import PageAdmin
from deliveries.admin.paging import Row


class ReadOnlyPages(PageAdmin[Row]):
    """Nothing is added, changed or deleted here, by nobody."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds one here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """What is shown stays as it is."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """It ends by itself, or by API."""
        return False

    def beside(self, request: HttpRequest, row: Row) -> dict[str, object]:
        """Return what the page shows besides the row; what nobody changes has no history."""
        return {"show_history": False}
