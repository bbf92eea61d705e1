"""For how long a worker may be silent; workers of the release before go on with the four seconds that held for all."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0080_few_of_many_rows")]

    operations = [
        migrations.AddField(
            model_name="worker",
            name="silent_seconds",
            field=models.FloatField(
                db_default=4.0, default=4.0, help_text="Others take its lanes after so long without a beat."
            ),
        ),
    ]
