"""When an event is to be sent first. A column without a default: nothing is rewritten, in no partition."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0036_worker_clock")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="deliver_at",
            field=models.DateTimeField(help_text="When it is to be sent first; null: at once.", null=True),
        ),
    ]
