"""Whose certificates an endpoint's connections use. A column without a default: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0045_moving")]

    operations = [
        migrations.AddField(model_name="endpoint", name="tls_shown", field=models.JSONField(editable=False, null=True)),
    ]
