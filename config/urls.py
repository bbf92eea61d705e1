"""Which address goes where.

What lives here: the table of addresses. It must not know what the pages do.
"""

from __future__ import annotations

from django.urls import path

from deliveries.admin.sites import portal_site, staff_site

urlpatterns = [
    path("admin/", staff_site.urls),
    path("portal/", portal_site.urls),
]
