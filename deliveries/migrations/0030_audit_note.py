"""A note of staff's beside the reason, which customers read."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0029_public_key")]

    operations = [
        migrations.AddField(
            model_name="auditentry",
            name="note",
            field=models.CharField(blank=True, db_default="", default="", help_text="For staff only.", max_length=300),
        ),
    ]
