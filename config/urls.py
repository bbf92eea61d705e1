"""Which address goes where.

What lives here: the table of addresses. It must not know what the pages do.
"""

from __future__ import annotations

from django.urls import include, path

from deliveries.admin.sites import portal_site, staff_site

urlpatterns = [
    path("", include("deliveries.api.urls")),
    path("admin/", staff_site.urls),
    path("portal/", portal_site.urls),
]

handler400 = "deliveries.api.problems.bad_request"
handler403 = "deliveries.api.problems.permission_denied"
handler404 = "deliveries.api.problems.page_not_found"
handler500 = "deliveries.api.problems.server_error"
