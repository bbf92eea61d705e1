"""The fan-out looks at endpoints that live: a customer's thousand deleted ones must not be read at each event."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("deliveries", "0026_fan_out")]

    operations = [
        AddIndexConcurrently(
            model_name="endpoint",
            index=models.Index(
                condition=models.Q(("deleted_at", None)), fields=["customer", "id"], name="endpoint_living"
            ),
        ),
        RemoveIndexConcurrently(model_name="endpoint", name="endpoint_fan_out"),
    ]
