"""What fails, as a section of other pages: the overviews, a customer's and an endpoint's.

What lives here: what the section is given of each group. It must not know the pages around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from deliveries.admin.badges import badge, moment
from deliveries.admin.endpoint_health import arrivals_in_words
from deliveries.admin.failure_words import STATES
from deliveries.models.visible import Viewer
from deliveries.services.endpoint_health import health_of
from deliveries.services.failure_groups import failing
from deliveries.services.languages import in_words

if TYPE_CHECKING:
    from deliveries.admin.pages import PageAdmin
    from deliveries.admin.paging import Row


def failing_section(
    page: PageAdmin[Row], viewer: Viewer, *, endpoint_id: UUID | None = None
) -> list[dict[str, object]]:
    """Return the failure groups of all, of a customer or of an endpoint, for a section of its page.

    Where several endpoints may be among them, each says whether anything arrives there.
    """
    groups = failing(viewer, endpoint_id=endpoint_id)
    health = health_of([found.row.endpoint for found in groups]) if endpoint_id is None else {}
    return [
        {
            "found": found,
            "state": badge(found.state, title=in_words(STATES[found.state])),
            "url": page.url("change", found.row.public_id, model="failuregroup"),
            "with_url": endpoint_id is None,
            "arrivals": arrivals_in_words(health[found.row.endpoint_id]) if health else "",
            "last": moment(found.row.last_at, relative=True),
        }
        for found in groups
    ]
