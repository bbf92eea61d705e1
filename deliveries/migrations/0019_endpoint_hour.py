"""What attempts came to, hour by hour: health and charts without reading the log."""

import django.contrib.postgres.fields
from django.db import migrations, models

TUNE = """
ALTER TABLE hookpost_endpoint_hour SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON INDEX endpoint_hour_purge IS 'services/reading/endpoint_health.py: purge_hours';
"""


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0018_lane_failing")]

    operations = [
        migrations.CreateModel(
            name="EndpointHour",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "endpoint_id",
                        "hour",
                        "error",
                        "status_code",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("endpoint_id", models.UUIDField()),
                ("hour", models.DateTimeField()),
                ("error", models.TextField(help_text="Empty: it arrived.")),
                ("status_code", models.SmallIntegerField(help_text="0: no answer.")),
                ("attempts", models.IntegerField()),
                ("first_attempts", models.IntegerField()),
                (
                    "first_durations",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(),
                        help_text="First attempts by how long they took, see DURATIONS_MS.",
                        size=None,
                    ),
                ),
                ("last_at", models.DateTimeField()),
            ],
            options={"db_table": "hookpost_endpoint_hour"},
        ),
        migrations.CreateModel(
            name="Watermark",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("through", models.UUIDField()),
            ],
            options={"db_table": "hookpost_watermark"},
        ),
        migrations.AddIndex(model_name="endpointhour", index=models.Index(fields=["hour"], name="endpoint_hour_purge")),
        migrations.RunSQL(TUNE, migrations.RunSQL.noop),
    ]
