"""How requests to an endpoint authenticate. Columns without a default: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0043_invitation")]

    operations = [
        migrations.AddField(
            model_name="endpoint", name="credentials_sealed", field=models.BinaryField(editable=False, null=True)
        ),
        migrations.AddField(
            model_name="endpoint", name="auth_shown", field=models.JSONField(editable=False, null=True)
        ),
    ]
