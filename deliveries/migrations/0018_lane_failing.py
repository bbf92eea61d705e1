"""Who fails is asked by alerts, pages and figures, among many who do not."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("deliveries", "0017_engine_lanes")]

    operations = [
        migrations.AlterField(
            model_name="lane",
            name="failing_since",
            field=models.DateTimeField(help_text="Since when no delivery has arrived.", null=True),
        ),
        AddIndexConcurrently(
            model_name="lane",
            index=models.Index(
                condition=models.Q(("failing_since__isnull", False)), fields=["failing_since"], name="lane_failing"
            ),
        ),
    ]
