"""The trace that an event belongs to, and which endpoints are told of it. No row is written, in no partition."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0052_event_erased")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="trace_context",
            field=models.TextField(null=True, help_text="traceparent, and in a second line tracestate."),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="send_trace_context",
            field=models.BooleanField(
                default=False, db_default=False, help_text="Send traceparent and tracestate of who emitted the event."
            ),
        ),
    ]
