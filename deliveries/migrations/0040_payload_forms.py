"""CloudEvents, PUT and PATCH, and bodies as forms. The defaults are the catalogue's, and a wider text is only noted: no row
is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0039_job_taken_back")]

    operations = [
        migrations.AlterField(
            model_name="endpoint",
            name="payload_mode",
            field=models.CharField(
                choices=[
                    ("full", "Full: the whole event"),
                    ("thin", "Thin: id and link, details by API"),
                    ("data", "Data: only what was emitted, without type and time around it"),
                    (
                        "cloudevents_structured",
                        "CloudEvents 1.0, structured: the event and its attributes as one JSON",
                    ),
                    ("cloudevents_binary", "CloudEvents 1.0, binary: the data, and its attributes as ce- headers"),
                ],
                default="full",
                max_length=32,
            ),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="method",
            field=models.CharField(
                choices=[("POST", "POST"), ("PUT", "PUT"), ("PATCH", "PATCH")],
                db_default="POST",
                default="POST",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="body_format",
            field=models.CharField(
                choices=[
                    ("json", "JSON"),
                    ("form", "Form: each member a field, such as data[amount]=5"),
                    ("form_payload", "Form: one field, payload, that holds the JSON"),
                ],
                db_default="json",
                default="json",
                max_length=16,
            ),
        ),
    ]
