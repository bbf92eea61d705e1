"""Tags and metadata of endpoints; no row is written. Apart from the events, as in 0017_engine_lanes."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0055_tags")]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="tags",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                blank=True,
                help_text="Only events with one of these; null: all.",
                null=True,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="metadata",
            field=models.JSONField(blank=True, db_default={}, default=dict, help_text="Your own; never sent."),
        ),
    ]
