"""What people read of traces: `tracestate` is not sent unless the operator wants it. Nothing in the database changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0074_object_of_an_act")]

    operations = [
        migrations.AlterField(
            model_name="endpoint",
            name="send_trace_context",
            field=models.BooleanField(
                default=False, db_default=False, help_text="Send the traceparent of who emitted the event."
            ),
        ),
    ]
