"""Event types that judge are found by name, once a second and process: an index over those alone."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # the index is built beside the writes
    dependencies = [("deliveries", "0014_alerts")]

    operations = [
        AddIndexConcurrently(
            model_name="eventtype",
            index=models.Index(
                fields=["name"],
                name="event_type_judging",
                condition=models.Q(("customer", None), models.Q(("validation", "off"), _negated=True), _connector="OR"),
            ),
        ),
        migrations.RunSQL("COMMENT ON INDEX event_type_judging IS 'sql/validating_types.sql';", migrations.RunSQL.noop),
    ]
