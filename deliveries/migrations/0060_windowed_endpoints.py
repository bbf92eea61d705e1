"""The endpoints with a delivery window, among many without: looked for every few seconds."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("deliveries", "0059_delivery_window")]

    operations = [
        AddIndexConcurrently(
            model_name="endpoint",
            index=models.Index(
                condition=models.Q(("delivery_window__isnull", False)), fields=["id"], name="endpoint_windowed"
            ),
        ),
    ]
