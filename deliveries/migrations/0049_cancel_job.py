"""A kind of job: cancelling what waits. No column changes, only what Django knows of its words."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0048_transformation")]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("redeliver", "Redeliver by filter"),
                    ("recover", "Redeliver what failed"),
                    ("replay", "Send what was never sent"),
                    ("cancel", "Cancel what waits"),
                    ("erase", "Erase a customer"),
                    ("import", "Import from elsewhere"),
                ],
                max_length=16,
            ),
        ),
    ]
