"""`include("deliveries.admin.portal_urls")`: the customers' portal, below any path."""

from __future__ import annotations

from django.urls import path

from deliveries.admin.site.sites import portal_site
from deliveries.embedding import without_transaction

urlpatterns = [path("", portal_site.urls)]

without_transaction(urlpatterns)
