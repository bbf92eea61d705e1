"""`include("deliveries.admin.staff_urls")`: the staff's site, below any path."""

from __future__ import annotations

from django.urls import path

from deliveries.admin.site.sites import staff_site
from deliveries.embedding import without_transaction

urlpatterns = [path("", staff_site.urls)]

without_transaction(urlpatterns)
