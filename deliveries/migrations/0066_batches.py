"""How many events go in one request to an endpoint, and how long they are waited for. No row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0065_challenge")]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="batch_size",
            field=models.PositiveSmallIntegerField(
                db_default=1, default=1, help_text="Up to so many events in one request; 1: each alone."
            ),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="batch_wait_ms",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="How long a batch that is not full waits for more events, in milliseconds.",
            ),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="rate_limit",
            field=models.PositiveIntegerField(blank=True, help_text="Requests a second; empty: unlimited.", null=True),
        ),
    ]
