"""The reason of a redelivery with its place in the queue. Apart from the attempts, as in 0017_engine_lanes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0031_attempt_reason")]

    operations = [
        migrations.AddField(
            model_name="duedelivery",
            name="reason",
            field=models.TextField(db_default="", default="", help_text="Why a redelivery was asked for."),
        ),
    ]
