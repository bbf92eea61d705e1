"""How far a worker's clock is off, and which version it runs: `manage.py doctor` says so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0035_imports")]

    operations = [
        migrations.AddField(
            model_name="worker",
            name="clock_offset_seconds",
            field=models.FloatField(help_text="How far its host is ahead of the database.", null=True),
        ),
        migrations.AddField(
            model_name="worker",
            name="version",
            field=models.TextField(db_default="", default="", help_text="What it runs."),
        ),
    ]
