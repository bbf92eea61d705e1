"""The few endpoints that are paused, disabled or draining, among many that are not: looked for once a second."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("deliveries", "0077_unbroken")]

    operations = [
        AddIndexConcurrently(
            model_name="endpoint",
            index=models.Index(
                condition=models.Q(("deleted_at", None), ("state__in", ("paused", "disabled"))),
                fields=["state", "id"],
                name="endpoint_not_enabled",
            ),
        ),
        AddIndexConcurrently(
            model_name="endpoint",
            index=models.Index(
                condition=models.Q(("draining", True)), fields=["state", "id"], name="endpoint_draining"
            ),
        ),
    ]
