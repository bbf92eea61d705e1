"""What members want to be mailed, and their digests. The columns' defaults are the catalogue's: no row is written."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0062_time_zone")]

    operations = [
        migrations.AddField(
            model_name="member",
            name="mail_rhythm",
            field=models.CharField(
                choices=[("at_once", "At once"), ("daily", "Once a day, at 8 in the morning"), ("never", "Never")],
                db_default="at_once",
                default="at_once",
                editable=False,
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="member",
            name="muted_kinds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=32),
                db_default=[],
                default=list,
                editable=False,
                help_text="Of alerts, not mailed.",
            ),
        ),
        migrations.AddField(
            model_name="member",
            name="muted_endpoints",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(),
                db_default=[],
                default=list,
                editable=False,
                help_text="About which nothing is mailed.",
            ),
        ),
        migrations.AddField(
            model_name="member",
            name="digest_from",
            field=models.DateTimeField(editable=False, help_text="Alerts noted later were not told of yet.", null=True),
        ),
        migrations.AddField(
            model_name="member",
            name="digest_due_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="member",
            index=models.Index(
                condition=models.Q(("digest_due_at__isnull", False)),
                fields=["digest_due_at"],
                name="member_digest_due",
            ),
        ),
    ]
