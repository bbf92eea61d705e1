"""Deliveries that pollers have taken and not answered yet, and the scope of the keys that may take them."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import deliveries.models.base


class Migration(migrations.Migration):
    dependencies = [
        ("deliveries", "0050_first_steps"),
    ]

    operations = [
        migrations.AlterField(
            model_name="apikey",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("events:write", "Emit events"),
                        ("deliveries:redeliver", "Redeliver"),
                        ("deliveries:poll", "Poll"),
                        ("read", "Read"),
                        ("manage", "Manage customers, event types and endpoints"),
                    ],
                    max_length=32,
                ),
                default=list,
                size=None,
            ),
        ),
        migrations.CreateModel(
            name="PollLease",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("delivery_id", models.UUIDField()),
                ("manual", models.BooleanField(help_text="A redelivery: sent once, beside the schedule.")),
                ("event_id", models.UUIDField()),
                ("event_type", models.TextField()),
                ("rank", models.SmallIntegerField()),
                ("attempts", models.SmallIntegerField(help_text="Scheduled attempts made before.")),
                ("actor", models.TextField(help_text="Who asked for a redelivery.")),
                ("reason", models.TextField(help_text="Why a redelivery was asked for.")),
                ("taken_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                (
                    "request_headers",
                    models.TextField(default="", help_text="As handed out; values of one's own are hidden."),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="deliveries.endpoint"
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_poll_lease",
                "indexes": [models.Index(fields=["until"], name="poll_lease_over")],
                "constraints": [models.UniqueConstraint(fields=("delivery_id",), name="poll_lease_once_for_delivery")],
            },
        ),
    ]
