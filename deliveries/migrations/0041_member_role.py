"""What a member may do. Who was a member before is an owner; the default is the catalogue's: no row is written."""

from django.db import migrations, models

ROLES = [("owner", "owner"), ("developer", "developer"), ("viewer", "viewer")]


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0040_payload_forms")]

    operations = [
        migrations.AddField(
            model_name="member",
            name="role",
            field=models.CharField(choices=ROLES, db_default="owner", default="owner", max_length=16),
        ),
    ]
