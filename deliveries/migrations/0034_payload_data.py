"""An endpoint may get what was emitted alone. Only the names of modes change: nothing is done in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0033_member_sessions")]

    operations = [
        migrations.AlterField(
            model_name="endpoint",
            name="payload_mode",
            field=models.CharField(
                choices=[
                    ("full", "Full: the whole event"),
                    ("thin", "Thin: id and link, details by API"),
                    ("data", "Data: only what was emitted, without type and time around it"),
                ],
                default="full",
                max_length=8,
            ),
        ),
    ]
