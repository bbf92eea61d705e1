"""What fails, as a section of other pages: the overviews, a customer's and an endpoint's.

What lives here: what the section is given of each group. It must not know the pages around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.safestring import SafeString

from deliveries.admin.failure.endpoint_health import arrivals_in_words
from deliveries.admin.failure.failure_words import STATES
from deliveries.admin.front.overview_rows import failing_row
from deliveries.admin.parts.badges import badge
from deliveries.models.visible import Viewer
from deliveries.protocol.writing.ids import CUSTOMER, FAILURE_GROUP, encode_id
from deliveries.services.common.languages import in_words
from deliveries.services.reading.endpoint_health import health_since
from deliveries.services.resending.failure_groups import FailingEndpoint, failing

if TYPE_CHECKING:
    from deliveries.admin.base.pages import PageAdmin
    from deliveries.admin.parts.paging import Row


def failing_section(
    page: PageAdmin[Row], viewer: Viewer, *, endpoint_id: UUID | None = None, with_customer: bool = False
) -> list[SafeString]:
    """Return the rows of the failure groups of all, of a customer or of an endpoint, for a section of its page.

    Where several endpoints may be among them, each says whether anything arrives there.
    """
    groups, with_url = failing(viewer, endpoint_id=endpoint_id), endpoint_id is None
    health = health_since({found.row.endpoint_id: found.row.failing_since for found in groups}) if with_url else {}
    return [
        failing_row(
            found,
            url=page.url("change", encode_id(FAILURE_GROUP, found.row.id), model="failuregroup"),
            state=badge(found.state, title=in_words(STATES[found.state])),
            arrivals=arrivals_in_words(health[found.row.endpoint_id]) if health else "",
            customer_url=_customer_url(page, found) if with_customer else "",
            with_url=with_url,
        )
        for found in groups
    ]


def _customer_url(page: PageAdmin[Row], found: FailingEndpoint) -> str:
    return page.url("change", encode_id(CUSTOMER, found.row.customer_id), model="customer")
