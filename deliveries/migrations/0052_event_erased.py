"""When an event's content was erased. Null for all that are there: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0051_poll_leases")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="erased_at",
            field=models.DateTimeField(help_text="When its content was erased; null: it is there.", null=True),
        ),
    ]
