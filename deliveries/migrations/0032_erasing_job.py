"""A job may erase a customer. Only the names of kinds change: nothing is done in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0031_due_reason")]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("redeliver", "Redeliver by filter"),
                    ("recover", "Redeliver what failed"),
                    ("replay", "Send what was never sent"),
                    ("erase", "Erase a customer"),
                ],
                max_length=16,
            ),
        ),
    ]
