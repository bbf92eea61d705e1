"""When an endpoint is sent to. Null for all that are there: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0058_password_mail")]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="delivery_window",
            field=models.JSONField(blank=True, help_text="Days and hours; null: always.", null=True),
        ),
    ]
