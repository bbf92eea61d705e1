"""Base of pages that only show.

What lives here: permissions that say no. It must not know any noun.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from deliveries.admin.pages import PageAdmin


class ReadOnlyPages(PageAdmin):
    """Nothing is added, changed or deleted here, by nobody."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Never."""
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one row; what nobody changes has no history."""
        extra_context = {"show_history": False, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra_context)
