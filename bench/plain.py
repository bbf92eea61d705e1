"""The plain design, as one would write it first: a Dramatiq message per delivery, the ORM, requests.

It has the same tables, broker, number of processes and threads, one requests.Session per thread, and
Dramatiq's own default middleware. `python -m bench.plain` is one of its worker processes.
"""

from __future__ import annotations

import base64
import hmac
import os
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import dramatiq
import requests
from django.db import transaction
from django.utils import timezone
from dramatiq.brokers.redis import RedisBroker

from bench.filling import fill, make_endpoints, rest_lanes, settle, wipe
from bench.stage import Stage, prepare_django

if TYPE_CHECKING:
    from deliveries.models import Delivery

NAMESPACE = "plain"
THREADS = 4
TIMEOUT_SECONDS = 15
WARM_UP = 300

_local = threading.local()


def plain_rate(stage: Stage, *, deliveries: int, endpoints: int) -> float:
    """Return deliveries per second of the plain design."""
    from bench.filling import await_requests
    from deliveries.models import Delivery

    wipe()
    pairs = make_endpoints(endpoints, url=stage.nginx.url)
    rest_lanes()
    fill([customer for customer, _ in pairs], each=deliveries // endpoints)
    settle()
    actor = actor_on(stage.environment["BROKER_URL"])
    ids = list(Delivery.objects.values_list("id", flat=True))
    for delivery_id in ids:
        actor.send(str(delivery_id))
    before = stage.nginx.count()
    with stage.workers("-m", "bench.plain", namespace=NAMESPACE):
        await_requests(stage, until=before + WARM_UP)
        first, started = stage.nginx.count(), time.monotonic()
        await_requests(stage, until=before + len(ids))
        rate = (before + len(ids) - first) / (time.monotonic() - started)
    assert not Delivery.objects.exclude(state="succeeded").exists()
    return rate


def actor_on(url: str) -> dramatiq.Actor[[str], None]:
    """Return the actor on a broker with Dramatiq's defaults."""
    broker = RedisBroker(url=url, namespace=NAMESPACE)
    return dramatiq.actor(broker=broker, queue_name="plain", max_retries=0)(deliver)


def deliver(delivery_id: str) -> None:
    """Read, sign, send and record one delivery."""
    from deliveries.models import Delivery

    delivery = Delivery.objects.select_related("event", "endpoint").get(id=UUID(delivery_id))
    body = bytes(delivery.event.body)
    secret = delivery.endpoint.secrets.get()
    timestamp = int(time.time())
    message_id = delivery.event.public_id
    digest = hmac.digest(secret.open_key().value, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
    started_at, started = timezone.now(), time.monotonic()
    response = session().post(
        delivery.endpoint.url, data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
    )
    record(delivery, response, started_at=started_at, duration_ms=int((time.monotonic() - started) * 1000))


def record(delivery: Delivery, response: requests.Response, *, started_at: datetime, duration_ms: int) -> None:
    """Keep the attempt and the delivery's new state, in one transaction."""
    from deliveries.models import Attempt

    delivery.attempts += 1
    delivery.status_code = response.status_code
    delivery.state = "succeeded" if response.ok else "pending"
    delivery.finished_at, delivery.next_attempt_at = timezone.now(), None
    with transaction.atomic():
        Attempt.objects.create(
            delivery=delivery,
            endpoint_id=delivery.endpoint_id,
            number=delivery.attempts,
            started_at=started_at,
            duration_ms=duration_ms,
            status_code=response.status_code,
            response_headers="\n".join(f"{name}: {value}" for name, value in response.headers.items()),
            response_body=response.content,
        )
        delivery.save()


def session() -> requests.Session:
    """Return this thread's session."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    found: requests.Session = _local.session
    return found


def work() -> None:
    """Be one worker process until told to stop."""
    from deliveries.management.signals import stop_signals

    prepare_django(migrate=False)
    broker = actor_on(os.environ["BROKER_URL"]).broker
    worker = dramatiq.Worker(broker, worker_threads=THREADS, worker_timeout=50)
    worker.queue_prefetch = 500
    with stop_signals() as stop_wanted:
        worker.start()
        while not stop_wanted:
            time.sleep(0.1)
        worker.stop()


if __name__ == "__main__":
    work()
