"""Events whose deliveries are made after they are stored."""

from django.db import migrations, models

# Each chunk updates its row.
TUNE = "ALTER TABLE hookpost_fan_out SET (fillfactor = 50, autovacuum_vacuum_threshold = 1000)"


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0025_leader")]

    operations = [
        migrations.CreateModel(
            name="FanOut",
            fields=[
                ("event_id", models.UUIDField(primary_key=True, serialize=False)),
                ("customer_id", models.UUIDField(help_text="Empty: every customer.", null=True)),
                ("after_id", models.UUIDField(help_text="The last endpoint that is done.", null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("turn_at", models.DateTimeField()),
                (
                    "filter_ms",
                    models.IntegerField(default=0, help_text="What evaluating filters has taken so far."),
                ),
            ],
            options={"db_table": "hookpost_fan_out"},
        ),
        migrations.RunSQL(TUNE, migrations.RunSQL.noop),
    ]
