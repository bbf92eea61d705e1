"""The public half of a `whsk_` secret, for the customer to see; secrets from before have it after a rotation."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0028_signing_scheme")]

    operations = [
        migrations.AddField(
            model_name="endpointsecret",
            name="public_key",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
    ]
