"""Which address goes where.

What lives here: the table of addresses. It must not know what the pages do.
"""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]
