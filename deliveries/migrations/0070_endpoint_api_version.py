"""The version that an endpoint is pinned to. Null for all that are there: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0069_event_api_version")]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="api_version",
            field=models.CharField(
                blank=True,
                help_text="What it is pinned to; null: the oldest.",
                max_length=32,
                null=True,
                verbose_name="API version",
            ),
        ),
    ]
