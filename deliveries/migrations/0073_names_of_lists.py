"""What lists of keys and of the trail are called. Nothing in the database changes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0072_saved_views")]

    operations = [
        migrations.AlterModelOptions(name="apikey", options={"ordering": ("-id",), "verbose_name": "API key"}),
        migrations.AlterModelOptions(
            name="auditentry", options={"ordering": ("-id",), "verbose_name_plural": "audit trail"}
        ),
    ]
