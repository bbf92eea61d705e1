"""Jobs whose step always fails come to an end. The defaults are the database's too: old processes write rows meanwhile."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0015_event_type_by_name")]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="state",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                ],
                default="pending",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="failures",
            field=models.SmallIntegerField(default=0, db_default=0, help_text="Steps in a row that failed."),
        ),
        migrations.AddField(
            model_name="job",
            name="rest_until",
            field=models.DateTimeField(null=True, help_text="No step before this, after one that failed."),
        ),
        migrations.AddField(
            model_name="job",
            name="problem",
            field=models.TextField(blank=True, default="", db_default="", help_text="Why the last step failed."),
        ),
    ]
