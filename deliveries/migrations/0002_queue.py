"""The queue: due deliveries, lanes, idempotency keys. Hot tables: room for heap-only updates, eager vacuum."""

import django.db.models.deletion
from django.db import migrations, models

TUNE = """
ALTER TABLE hookpost_lane SET (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE hookpost_due_delivery SET (
    fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0.05
);
"""


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0001_people")]

    operations = [
        migrations.CreateModel(
            name="DueDelivery",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "delivery_id", "manual", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("delivery_id", models.UUIDField()),
                (
                    "manual",
                    models.BooleanField(default=False, help_text="A redelivery: sent once, beside the schedule."),
                ),
                ("endpoint_id", models.UUIDField()),
                ("event_id", models.UUIDField()),
                ("rank", models.SmallIntegerField(default=1)),
                ("attempts", models.SmallIntegerField(default=0, help_text="Scheduled attempts already made.")),
                ("due_at", models.DateTimeField(null=True)),
                ("actor", models.TextField(default="", help_text="Who asked for a redelivery.")),
                ("job_id", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "hookpost_due_delivery",
            },
        ),
        migrations.CreateModel(
            name="Lane",
            fields=[
                (
                    "endpoint",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="lane",
                        serialize=False,
                        to="deliveries.endpoint",
                    ),
                ),
                ("lease_until", models.DateTimeField(null=True)),
                ("fence", models.BigIntegerField(default=0, help_text="Rises with every lease: the fencing token.")),
                ("crashes", models.SmallIntegerField(default=0, help_text="Leases in a row whose worker was lost.")),
                (
                    "suspect_id",
                    models.UUIDField(help_text="The delivery that was sent alone when its worker was lost.", null=True),
                ),
                ("rest_until", models.DateTimeField(null=True)),
                ("failures", models.IntegerField(default=0, help_text="Failures in a row.")),
                ("opened", models.IntegerField(default=0, help_text="Times in a row that the breaker opened.")),
                ("failing_since", models.DateTimeField(null=True)),
                ("tokens", models.FloatField(default=1, help_text="Rate limit: what may be sent at once.")),
                ("tokens_at", models.DateTimeField(auto_now_add=True)),
                (
                    "slow",
                    models.BooleanField(default=False, help_text="Times out: served from the queue deliveries_slow."),
                ),
            ],
            options={
                "db_table": "hookpost_lane",
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "owner_id", "key", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("owner_id", models.UUIDField()),
                ("key", models.TextField()),
                ("fingerprint", models.BinaryField()),
                ("event_id", models.UUIDField()),
                ("deliveries", models.IntegerField()),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "hookpost_idempotency_key",
            },
        ),
        migrations.AddIndex(
            model_name="duedelivery",
            index=models.Index(fields=["endpoint_id", "rank", "due_at", "event_id"], name="due_delivery_claim"),
        ),
        migrations.AddIndex(
            model_name="idempotencykey",
            index=models.Index(fields=["created_at"], name="idempotency_key_purge"),
        ),
        migrations.RunSQL(TUNE, migrations.RunSQL.noop),
    ]
