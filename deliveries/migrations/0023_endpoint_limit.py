"""How many endpoints a customer may have, where that is not what the setting says."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0022_job_indexes")]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="endpoint_limit",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="How many endpoints it may have; empty: HOOKPOST_ENDPOINTS_PER_CUSTOMER.",
                null=True,
            ),
        ),
    ]
