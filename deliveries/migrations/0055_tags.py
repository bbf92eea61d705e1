"""Tags of events and endpoints, and metadata of endpoints. Defaults are the catalogue's: no row is written."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0054_retest")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="tags",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), help_text="Null: none.", null=True, size=None
            ),
        ),
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
