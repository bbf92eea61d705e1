"""Retests of what was disabled for failing, and two kinds of alerts. A new table; the column's words only Django knows."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0053_trace_wanted")]

    operations = [
        migrations.CreateModel(
            name="Retest",
            fields=[
                (
                    "endpoint",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="retest",
                        serialize=False,
                        to="deliveries.endpoint",
                    ),
                ),
                ("disabled_at", models.DateTimeField(help_text="Which time of being disabled it belongs to.")),
                ("delivery_id", models.UUIDField(help_text="The test event that is sent each time.", null=True)),
                ("tries", models.SmallIntegerField(default=0)),
                ("next_at", models.DateTimeField(db_index=True)),
            ],
            options={"db_table": "hookpost_retest"},
        ),
        migrations.AlterField(
            model_name="alert",
            name="kind",
            field=models.CharField(
                choices=[
                    ("endpoint.failing", "Endpoint fails"),
                    ("endpoint.disable_warning", "Endpoint is disabled soon"),
                    ("endpoint.disabled", "Endpoint disabled"),
                    ("endpoint.certificate_ending", "Certificate ends soon"),
                    ("delivery.exhausted", "Deliveries given up"),
                    ("sending.stopped", "Nothing can be sent"),
                ],
                max_length=32,
            ),
        ),
    ]
