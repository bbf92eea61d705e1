"""Endpoints that are polled, on their pages.

What lives here: where they are polled. It must not know how.
"""

from __future__ import annotations

from deliveries.conf import conf
from deliveries.models import Endpoint
from deliveries.protocol.polled import is_polled


def poll_address(endpoint: Endpoint) -> str:
    """Return where an endpoint is polled; empty for one that is sent to."""
    if not is_polled(endpoint.url):
        return ""
    return f"{conf.base_url}/api/v1/customers/{endpoint.customer.public_id}/endpoints/{endpoint.public_id}/poll"
