"""What an endpoint's own expression makes of its events. The default is the catalogue's: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0047_access_token")]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="transformation",
            field=models.TextField(blank=True, db_default="", default="", help_text="JMESPath; empty: none."),
        ),
    ]
