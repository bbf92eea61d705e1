"""What a filter of the staff's lists offers while somebody types: a few customers or endpoints.

What lives here: the answers, as JSON. It must not know lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse

from deliveries.admin.lists.list_filters import clean
from deliveries.admin.lists.owner_filters import endpoints_called, named
from deliveries.models import visible
from deliveries.models.visible import OPERATOR
from deliveries.services.common.statement_timeout import TooSlow, at_most

OFFERED = 10
PICK_SECONDS = 1.0

Picked = list[dict[str, str]]


def pick_view(request: HttpRequest, noun: str) -> HttpResponse:
    """Answer with what a filter may be filled with."""
    if noun not in PICKS:
        raise Http404
    if not request.user.has_perm(f"deliveries.view_{noun}"):
        raise PermissionDenied
    words = clean(request.GET.get("q", "")).strip()[:100]
    try:
        with at_most(seconds=PICK_SECONDS):
            found = PICKS[noun](words) if words else []
    except TooSlow:
        found = []
    return JsonResponse(found, safe=False)


def _customers(words: str) -> Picked:
    rows = visible.customers(OPERATOR).filter(Q(name__icontains=words) | Q(uid__istartswith=words))
    return [{"value": row.public_id, "text": row.name} for row in rows.order_by("-id")[:OFFERED]]


def _endpoints(words: str) -> Picked:
    rows = endpoints_called(visible.endpoints(OPERATOR), words).select_related("customer")[:OFFERED]
    return [{"value": row.public_id, "text": f"{named(row)} ({row.customer.name})"} for row in rows]


PICKS: Mapping[str, Callable[[str], Picked]] = MappingProxyType({"customer": _customers, "endpoint": _endpoints})
