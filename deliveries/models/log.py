"""The log, written once and read by people: events, deliveries, attempts.

Partitioned by range of id, which is time. No foreign keys in the database: dropping a partition
must not have to check anything.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models

from deliveries.models.base import IdentifiedModel
from deliveries.models.customers import Customer
from deliveries.models.endpoints import Endpoint
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.writing import ids

STATES = [(state.value, state.capitalize()) for state in DeliveryState]

# Whose events are that are for every customer: no customer's id, and the index of events finds them by it.
EVERYONES = UUID(int=2**128 - 1)


class Event(IdentifiedModel):
    """What a service emitted, for one customer or for all. `body` is what is signed and sent, byte for byte."""

    PREFIX = ids.EVENT

    customer = models.ForeignKey(Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    type = models.TextField()
    body = models.BinaryField()
    created_at = models.DateTimeField()
    deliver_at = models.DateTimeField(null=True, help_text="When it is to be sent first; null: at once.")
    tags = ArrayField(models.TextField(), null=True, help_text="Null: none.")
    api_version = models.TextField(null=True, help_text="What its data is in; null: the oldest, or there is none.")
    erased_at = models.DateTimeField(null=True, help_text="When its content was erased; null: it is there.")
    trace_context = models.TextField(null=True, help_text="traceparent, and in a second line tracestate.")

    class Meta:
        db_table = "hookpost_event"
        ordering = ("-id",)
        # The feed of a customer, and the list of events.
        indexes = (models.Index(fields=("customer", "id"), name="event_by_customer"),)


class Delivery(IdentifiedModel):
    """One event for one endpoint. `failed_at` is set when the schedule is used up."""

    PREFIX = ids.DELIVERY
    State = DeliveryState

    event = models.ForeignKey(Event, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    event_type = models.TextField()
    state = models.TextField(choices=STATES, default=DeliveryState.PENDING.value)
    attempts = models.SmallIntegerField(default=0, help_text="Requests sent so far, redeliveries included.")
    status_code = models.SmallIntegerField(null=True)
    error = models.TextField(default="")
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "hookpost_delivery"
        ordering = ("-id",)
        verbose_name_plural = "deliveries"
        # None names a column that a success changes: finishing a delivery stays a heap-only update.
        indexes = (
            models.Index(fields=("customer", "id"), name="delivery_by_customer"),
            models.Index(fields=("endpoint", "id"), name="delivery_by_endpoint"),
            models.Index(fields=("event",), name="delivery_by_event"),
            models.Index(fields=("id",), name="delivery_failed", condition=models.Q(failed_at__isnull=False)),
        )


class Attempt(IdentifiedModel):
    """One HTTP request of a delivery. `number` is its place in the schedule, empty for a redelivery."""

    PREFIX = ids.ATTEMPT

    delivery = models.ForeignKey(
        Delivery, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="log"
    )
    endpoint = models.ForeignKey(Endpoint, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    number = models.SmallIntegerField(null=True)
    actor = models.TextField(default="", help_text="Who asked for a redelivery.")
    reason = models.TextField(default="", db_default="", help_text="Why a redelivery was asked for.")
    started_at = models.DateTimeField()
    duration_ms = models.IntegerField()
    status_code = models.SmallIntegerField(null=True)
    error = models.TextField(default="")
    detail = models.TextField(default="")
    address = models.TextField(default="")
    response_headers = models.TextField(default="")
    response_body = models.BinaryField(default=b"")
    truncated = models.BooleanField(default=False)
    request_url = models.TextField("request URL", default="", db_default="")
    request_headers = models.TextField(default="", db_default="", help_text="As sent; values of one's own are hidden.")
    signed_with = models.TextField(default="", db_default="", help_text="Hints of the secrets that signed, one a line.")
    dns_ms = models.IntegerField(null=True)
    connect_ms = models.IntegerField(null=True)
    tls_ms = models.IntegerField(null=True)
    first_byte_ms = models.IntegerField(null=True)

    class Meta:
        db_table = "hookpost_attempt"
        ordering = ("-id",)
        # The log of one delivery.
        indexes = (models.Index(fields=("delivery", "id"), name="attempt_by_delivery"),)
