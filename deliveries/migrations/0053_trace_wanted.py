"""Which endpoints are told of an event's trace. Apart from the events, as in 0017_engine_lanes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0053_trace_context")]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="send_trace_context",
            field=models.BooleanField(
                default=False, db_default=False, help_text="Send traceparent and tracestate of who emitted the event."
            ),
        ),
    ]
