"""Tags of events. No row is written."""

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
    ]
