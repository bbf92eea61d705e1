"""Jobs know who asked and when they were served last, and may be held. Defaults are the database's too: old processes write rows meanwhile."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0020_whose_keys")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="by_operator",
            field=models.BooleanField(
                default=False, db_default=False, help_text="Asked for by staff or a service key."
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="lost",
            field=models.IntegerField(
                default=0, db_default=0, help_text="Of what failed: never queued, endpoint deleted."
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="served_at",
            field=models.DateTimeField(null=True, help_text="When it last had a turn."),
        ),
        migrations.AddField(
            model_name="job",
            name="stepping_until",
            field=models.DateTimeField(null=True, help_text="A step of it is under way, until then at most."),
        ),
        migrations.AlterField(
            model_name="job",
            name="problem",
            field=models.TextField(
                blank=True, default="", db_default="", help_text="Why a step failed, or not all came."
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="state",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("running", "Running"),
                    ("held", "Held: all that waits of it is for paused or disabled endpoints"),
                    ("done", "Done"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                ],
                default="pending",
                max_length=16,
            ),
        ),
    ]
