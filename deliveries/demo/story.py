"""The steps of the demo, and what must come of each; whatever does not come ends it with the reason.

    set up by REST -> emit -> arrives signed -> verified by others' code -> a busy receiver is tried again

What lives here: the order and the expectations. It must not know processes or passwords.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import orjson
from django.core.management.base import CommandError
from rich.console import Console

from deliveries.demo import screen
from deliveries.demo.api import PREFIX, Api
from deliveries.demo.receiver import BUSY_PATH, REFUSALS, Received, Receiver

CUSTOMER = "acme"
PAID, OVERDUE = "invoice.paid", "invoice.overdue"
ENDPOINTS = f"/customers/{CUSTOMER}/endpoints"
ARRIVAL_SECONDS = 15.0
RETRY_SCHEDULE = [0, 1, 1]
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that a step needs."""

    api: Api
    receiver: Receiver
    console: Console


def tell(stage: Stage) -> None:
    """Play the whole story once."""
    prepare(stage)
    play_first_delivery(stage)
    play_retries(stage)


def prepare(stage: Stage) -> None:
    """Make the customer and the event types, by REST; those of an earlier run will do."""
    screen.heading(stage.console, "1  A customer and two event types, by REST")
    create(stage, "/customers", {"uid": CUSTOMER, "name": "Acme Ltd"})
    for name, description in ((PAID, "An invoice was paid."), (OVERDUE, "An invoice is past its due date.")):
        create(stage, "/event-types", {"name": name, "description": description, "example": invoice()})


def play_first_delivery(stage: Stage) -> None:
    """Emit an event, show the request that arrived, and have it verified."""
    screen.heading(stage.console, "2  An endpoint, an event, a signed request")
    endpoint = register(stage, "demo-receiver", path="/hooks", fields={"event_types": [PAID]})
    started = time.monotonic()
    event_id = emit(stage, PAID)
    received = arrived(stage, event_id, count=1)[0]
    took_ms = (time.monotonic() - started) * 1000
    screen.line(stage.console, f"This arrived {took_ms:.0f} ms after the POST began:\n", style="dim")
    screen.request(stage.console, received)
    screen.line(stage.console, "")
    verify(stage, received, secret=str(endpoint["secret"]))
    finish(stage, event_id, endpoint)


def play_retries(stage: Stage) -> None:
    """Emit an event for an endpoint that is busy at first, and show its log."""
    screen.heading(stage.console, f"3  An endpoint that answers 503 {REFUSALS} times")
    fields = {"event_types": [OVERDUE], "retry_schedule": RETRY_SCHEDULE}
    endpoint = register(stage, "demo-busy-receiver", path=BUSY_PATH, fields=fields)
    event_id = emit(stage, OVERDUE)
    tries = arrived(stage, event_id, count=REFUSALS + 1)
    statuses = [each.status for each in tries]
    if statuses != [503] * REFUSALS + [204]:
        raise CommandError(f"the busy receiver answered {statuses}")
    screen.done(stage.console, f"{len(tries)} requests came with the same webhook-id {event_id}")
    rows = finish(stage, event_id, endpoint)
    if len(rows) != len(tries):
        raise CommandError(f"the log shows {len(rows)} attempts of {len(tries)}")
    screen.attempts(stage.console, rows)


def create(stage: Stage, path: str, fields: dict[str, object]) -> None:
    """POST something that may be there from an earlier run."""
    status, answer = stage.api.ask("POST", path, fields)
    if status not in (201, 409):
        raise CommandError(f"POST {PREFIX}{path}: answered {status} instead of 201: {answer}")
    what = "created" if status == 201 else "is there already"
    screen.line(stage.console, f"POST {PREFIX}{path}  {fields.get('uid') or fields['name']} {what}")


def register(stage: Stage, uid: str, *, path: str, fields: dict[str, object]) -> dict[str, object]:
    """Register the receiver's URL anew and return the endpoint, with its secret, which is shown only now."""
    stage.api.expect(204, 404, method="DELETE", path=f"{ENDPOINTS}/{uid}")
    fields = {"uid": uid, "url": stage.receiver.url + path, **fields}
    answer = stage.api.expect(201, method="POST", path=ENDPOINTS, fields=fields)
    screen.line(stage.console, f"POST {PREFIX}{ENDPOINTS}  {answer['url']} for {', '.join(answer['event_types'])}")
    endpoint: dict[str, object] = answer
    return endpoint


def emit(stage: Stage, event_type: str) -> str:
    """POST an event and return its id."""
    fields = {"customer": CUSTOMER, "type": event_type, "data": invoice()}
    answer = stage.api.expect(202, method="POST", path="/events", fields=fields)
    screen.line(stage.console, f"POST {PREFIX}/events  {orjson.dumps(fields).decode()}")
    screen.done(stage.console, f"202 {orjson.dumps(answer).decode()}")
    if answer["deliveries"] < 1:  # more where endpoints of `--full` want it too
        raise CommandError("the event has no delivery")
    event_id: str = answer["id"]
    return event_id


def arrived(stage: Stage, event_id: str, *, count: int) -> list[Received]:
    """Wait for so many requests of an event."""
    found = stage.receiver.wait_for(
        lambda each: each.header("webhook-id") == event_id, count=count, seconds=ARRIVAL_SECONDS
    )
    if len(found) < count:
        raise CommandError(
            f"{len(found)} of {count} requests with webhook-id {event_id} came in {ARRIVAL_SECONDS:.0f} s"
        )
    return found


def verify(stage: Stage, received: Received, *, secret: str) -> None:
    """Have the request verified by the standardwebhooks package, and a changed one refused."""
    try:
        from standardwebhooks import Webhook, WebhookVerificationError
    except ImportError as error:
        raise CommandError("the demo needs the package standardwebhooks: pip install standardwebhooks") from error
    headers = {name.lower(): value for name, value in received.headers}
    try:
        Webhook(secret).verify(received.body, headers)
    except WebhookVerificationError as error:
        raise CommandError(f"the package standardwebhooks refused the signature: {error}") from error
    screen.done(stage.console, "verified by the PyPI package standardwebhooks, which shares no code with Hookpost")
    try:
        Webhook(secret).verify(received.body.replace(b"42", b"43"), headers)
    except WebhookVerificationError:
        screen.done(stage.console, "the same request with one digit changed is refused by it")
    else:
        raise CommandError("the package standardwebhooks accepted a changed body")


def finish(stage: Stage, event_id: str, endpoint: dict[str, object]) -> list[dict[str, object]]:
    """Wait until the log says succeeded of an endpoint; returns the attempts, oldest first."""
    give_up = time.monotonic() + ARRIVAL_SECONDS
    while True:
        found = stage.api.expect(200, method="GET", path=f"/deliveries?event={event_id}&endpoint={endpoint['id']}")[
            "results"
        ]
        if found and found[0]["state"] == "succeeded":
            break
        if time.monotonic() > give_up:
            raise CommandError(f"the log shows {found} for {event_id}")
        time.sleep(POLL_SECONDS)
    attempts = stage.api.expect(200, method="GET", path=f"/deliveries/{found[0]['id']}/attempts")["results"]
    screen.done(stage.console, f"GET {PREFIX}/deliveries/{found[0]['id']}  succeeded, {len(attempts)} in the log")
    return sorted(attempts, key=lambda row: str(row["started_at"]))


def invoice() -> dict[str, object]:
    """What the events are about."""
    return {"invoice": "inv_42", "amount": "1290.00", "currency": "EUR"}
