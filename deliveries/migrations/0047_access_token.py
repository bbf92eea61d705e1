"""Access tokens that workers share, sealed: one for each endpoint that wants OAuth2."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0046_client_tls")]

    operations = [
        migrations.CreateModel(
            name="AccessToken",
            fields=[
                (
                    "endpoint",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="deliveries.endpoint",
                    ),
                ),
                ("sealed", models.BinaryField()),
                ("refresh_at", models.DateTimeField(help_text="From then on another one is fetched.")),
            ],
            options={"db_table": "hookpost_access_token"},
        ),
    ]
