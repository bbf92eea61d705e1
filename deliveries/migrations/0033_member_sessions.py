"""Which sessions are a member's, by their hashes, so that the oldest can be ended."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0032_erasing_job")]

    operations = [
        migrations.AddField(
            model_name="member",
            name="session_hashes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                db_default=[],
                default=list,
                editable=False,
                help_text="Of its sessions, the newest last.",
                size=None,
            ),
        ),
    ]
