"""The log, partitioned by range of UUIDv7 from the first day: dropping a day is dropping three tables.

Partitions themselves are opened by services/housekeeping/retention.py, ahead of time and after every migrate.
"""

import django.db.models.deletion
from django.db import migrations, models

import deliveries.models.base

CREATE = """
CREATE TABLE hookpost_event (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    type text NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT hookpost_event_pkey PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX event_by_customer ON hookpost_event (customer_id, id);
COMMENT ON INDEX event_by_customer IS 'The feed of a customer, and lists of events.';

CREATE TABLE hookpost_delivery (
    id uuid NOT NULL,
    event_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    next_attempt_at timestamptz,
    finished_at timestamptz,
    failed_at timestamptz,
    attempts smallint NOT NULL,
    status_code smallint,
    event_type text NOT NULL,
    state text NOT NULL,
    error text NOT NULL,
    CONSTRAINT hookpost_delivery_pkey PRIMARY KEY (id),
    CONSTRAINT delivery_state_known CHECK (state IN ('pending', 'held', 'succeeded', 'exhausted', 'cancelled'))
) PARTITION BY RANGE (id);
CREATE INDEX delivery_by_customer ON hookpost_delivery (customer_id, id);
CREATE INDEX delivery_by_endpoint ON hookpost_delivery (endpoint_id, id);
CREATE INDEX delivery_by_event ON hookpost_delivery (event_id);
CREATE INDEX delivery_failed ON hookpost_delivery (id) WHERE failed_at IS NOT NULL;
COMMENT ON INDEX delivery_by_customer IS 'Lists of one customer, newest first.';
COMMENT ON INDEX delivery_by_endpoint IS 'Lists and figures of one endpoint, newest first.';
COMMENT ON INDEX delivery_by_event IS 'Where an event went.';
COMMENT ON INDEX delivery_failed IS 'What support looks for: exhausted, newest first.';

CREATE TABLE hookpost_attempt (
    id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    number smallint,
    status_code smallint,
    truncated boolean NOT NULL,
    actor text NOT NULL,
    error text NOT NULL,
    detail text NOT NULL,
    address text NOT NULL,
    response_headers text NOT NULL,
    response_body bytea NOT NULL,
    CONSTRAINT hookpost_attempt_pkey PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX attempt_by_delivery ON hookpost_attempt (delivery_id, id);
COMMENT ON INDEX attempt_by_delivery IS 'The log of one delivery.';

COMMENT ON INDEX due_delivery_claim IS 'sql/claim_batch.sql, sql/lanes_with_work.sql';
COMMENT ON INDEX idempotency_key_purge IS 'sql/purge_idempotency_keys.sql';
"""

DROP = "DROP TABLE hookpost_attempt, hookpost_delivery, hookpost_event;"


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0002_queue")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE, DROP)],
            state_operations=[
                migrations.CreateModel(
                    name="Delivery",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("event_type", models.TextField()),
                        (
                            "state",
                            models.TextField(
                                choices=[
                                    ("pending", "Pending"),
                                    ("held", "Held"),
                                    ("succeeded", "Succeeded"),
                                    ("exhausted", "Exhausted"),
                                    ("cancelled", "Cancelled"),
                                ],
                                default="pending",
                            ),
                        ),
                        (
                            "attempts",
                            models.SmallIntegerField(
                                default=0, help_text="Requests sent so far, redeliveries included."
                            ),
                        ),
                        ("status_code", models.SmallIntegerField(null=True)),
                        ("error", models.TextField(default="")),
                        ("created_at", models.DateTimeField()),
                        ("next_attempt_at", models.DateTimeField(null=True)),
                        ("finished_at", models.DateTimeField(null=True)),
                        ("failed_at", models.DateTimeField(null=True)),
                        (
                            "customer",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                to="deliveries.customer",
                            ),
                        ),
                        (
                            "endpoint",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                to="deliveries.endpoint",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name_plural": "deliveries",
                        "db_table": "hookpost_delivery",
                        "ordering": ("-id",),
                    },
                ),
                migrations.CreateModel(
                    name="Attempt",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("number", models.SmallIntegerField(null=True)),
                        ("actor", models.TextField(default="", help_text="Who asked for a redelivery.")),
                        ("started_at", models.DateTimeField()),
                        ("duration_ms", models.IntegerField()),
                        ("status_code", models.SmallIntegerField(null=True)),
                        ("error", models.TextField(default="")),
                        ("detail", models.TextField(default="")),
                        ("address", models.TextField(default="")),
                        ("response_headers", models.TextField(default="")),
                        ("response_body", models.BinaryField(default=b"")),
                        ("truncated", models.BooleanField(default=False)),
                        (
                            "delivery",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="log",
                                to="deliveries.delivery",
                            ),
                        ),
                        (
                            "endpoint",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                to="deliveries.endpoint",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "hookpost_attempt",
                        "ordering": ("-id",),
                    },
                ),
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("type", models.TextField()),
                        ("body", models.BinaryField()),
                        ("created_at", models.DateTimeField()),
                        (
                            "customer",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                to="deliveries.customer",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "hookpost_event",
                        "ordering": ("-id",),
                    },
                ),
                migrations.AddField(
                    model_name="delivery",
                    name="event",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="deliveries.event",
                    ),
                ),
                migrations.AddIndex(
                    model_name="attempt",
                    index=models.Index(fields=["delivery", "id"], name="attempt_by_delivery"),
                ),
                migrations.AddIndex(
                    model_name="event",
                    index=models.Index(fields=["customer", "id"], name="event_by_customer"),
                ),
                migrations.AddIndex(
                    model_name="delivery",
                    index=models.Index(fields=["customer", "id"], name="delivery_by_customer"),
                ),
                migrations.AddIndex(
                    model_name="delivery",
                    index=models.Index(fields=["endpoint", "id"], name="delivery_by_endpoint"),
                ),
                migrations.AddIndex(
                    model_name="delivery",
                    index=models.Index(fields=["event"], name="delivery_by_event"),
                ),
                migrations.AddIndex(
                    model_name="delivery",
                    index=models.Index(
                        condition=models.Q(("failed_at__isnull", False)), fields=["id"], name="delivery_failed"
                    ),
                ),
            ],
        ),
    ]
