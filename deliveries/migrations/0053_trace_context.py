"""The trace that an event belongs to. No row is written, in no partition."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0052_event_erased")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="trace_context",
            field=models.TextField(null=True, help_text="traceparent, and in a second line tracestate."),
        ),
    ]
