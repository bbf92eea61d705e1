"""Which address goes where.

What lives here: the table of addresses. It must not know what the pages do.
"""

from __future__ import annotations

from django.urls import include, path

from deliveries.api.bare_host import to_portal

urlpatterns = [
    path("", to_portal),
    path("", include("deliveries.api.urls")),
    path("admin/", include("deliveries.admin.staff_urls")),
    path("portal/", include("deliveries.admin.portal_urls")),
]

handler400 = "deliveries.api.error_handlers.bad_request"
handler403 = "deliveries.api.error_handlers.permission_denied"
handler404 = "deliveries.api.error_handlers.page_not_found"
handler500 = "deliveries.api.error_handlers.server_error"
