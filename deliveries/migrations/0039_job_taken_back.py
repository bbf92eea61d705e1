"""What a cancelled job took back, so that it can be resumed. The default is the catalogue's: no row is written."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0038_failure_groups")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="taken_back",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(),
                db_default=[],
                default=list,
                editable=False,
                help_text="What waited when it was cancelled.",
                size=None,
            ),
        ),
    ]
