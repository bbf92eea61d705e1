"""Rounds over endpoints of many customers: what goes wrong with one keeps no other waiting.

What lives here: doing something for one endpoint, and going on. It must not know what is done.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.core.exceptions import ObjectDoesNotExist
from django.db import OperationalError, connection

from deliveries.database.failures import first_line, is_locked
from deliveries.errors import HookpostError
from deliveries.models import Endpoint

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
