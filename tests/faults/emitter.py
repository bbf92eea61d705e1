"""A process that accepts events and rings for them, as a web process does: one line of orders in, one of JSON out.

Run as `python -m tests.faults.emitter`. An order is {"customer", "count", "first", "key", "wake"}; each event gets
an Idempotency-Key, so that an event whose acceptance was in doubt can be offered again.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any
from uuid import UUID

import django


def main() -> None:
    """Obey until the orders end."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line))), flush=True)


def obey(order: dict[str, Any]) -> dict[str, Any]:
    """Accept so many events, one by one, each until it is accepted."""
    from deliveries.protocol import ids

    accepted, longest, refused = [], 0.0, 0
    for number in range(order["first"], order["first"] + order["count"]):
        started = time.monotonic()
        event_id, refusals = accept(order, number)
        longest = max(longest, time.monotonic() - started)
        refused += refusals
        accepted.append(ids.encode_id(ids.EVENT, event_id))
    return {"ids": accepted, "longest_seconds": longest, "refused": refused}


def accept(order: dict[str, Any], number: int) -> tuple[UUID, int]:
    """Accept one event; returns its id and how often it had to be offered again."""
    from django.db import close_old_connections

    from deliveries.actors import wake
    from deliveries.errors import Unavailable
    from deliveries.services.events import EventDraft, accept_event

    customer = UUID(order["customer"])
    draft = EventDraft(
        type="invoice.paid",
        data=b'{"number": %d}' % number,
        customer_id=customer,
        idempotency_key=f"{order['key']}-{number}",
        owner_id=customer,
        fingerprint=b"%d" % number,
    )
    refusals = 0
    while True:
        close_old_connections()  # what Django does before a request
        try:
            accepted = accept_event(draft)
        except Unavailable:
            refusals += 1
            time.sleep(0.05)
            continue
        if order["wake"]:
            wake(accepted.wake)
        return accepted.event_id, refusals


if __name__ == "__main__":
    main()
