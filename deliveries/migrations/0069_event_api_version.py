"""The version that an event's data is in. No row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0068_api_versions")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="api_version",
            field=models.TextField(help_text="What its data is in; null: the oldest, or there is none.", null=True),
        ),
    ]
