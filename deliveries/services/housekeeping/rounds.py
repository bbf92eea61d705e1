"""Rounds over endpoints of many customers: what goes wrong with one keeps no other waiting.

What lives here: doing something for one endpoint, and going on; not overruling who did something to it since it was
read. It must not know what is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.core.exceptions import ObjectDoesNotExist
from django.db import OperationalError, connection, transaction

from deliveries.database.failures import first_line, is_locked
from deliveries.errors import Conflict, HookpostError
from deliveries.models import Endpoint
from deliveries.services.common.held_rows import hold_living

log = structlog.get_logger(__name__)


def act_alone(act: Callable[[], object], endpoint: Endpoint, *, event: str) -> bool:
    """Do something for one endpoint and say whether it went.

    What is refused, is gone, or is locked by somebody else is logged as `event`.
    """
    try:
        act()
    except (HookpostError, ObjectDoesNotExist, OperationalError) as error:
        if isinstance(error, OperationalError) and (connection.in_atomic_block or not is_locked(error)):
            raise
        log.warning(event, endpoint=endpoint.public_id, error=first_line(error))
        return False
    return True


@contextmanager
def held_as_seen(endpoint: Endpoint) -> Iterator[None]:
    """Hold an endpoint whose state a round has judged; raises Conflict when somebody has changed that since."""
    seen = endpoint.state, endpoint.state_changed_at
    with transaction.atomic():
        hold_living(endpoint)
        if seen != (endpoint.state, endpoint.state_changed_at):
            raise Conflict("somebody has paused, resumed or disabled it meanwhile")
        yield
