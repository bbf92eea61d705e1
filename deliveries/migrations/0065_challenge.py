"""What the URLs of endpoints were asked. A new table."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0064_unverified")]

    operations = [
        migrations.CreateModel(
            name="Challenge",
            fields=[
                (
                    "endpoint",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="asked",
                        serialize=False,
                        to="deliveries.endpoint",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting for an answer"),
                            ("failed", "Not answered"),
                            ("verified", "Answered"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("detail", models.TextField(default="", help_text="Why the last answer was none.")),
                ("value", models.TextField(default="", help_text="What is to be returned.")),
                (
                    "delivery_id",
                    models.UUIDField(help_text="The delivery that asks; null: none is under way.", null=True),
                ),
                ("tries", models.SmallIntegerField(default=0)),
                ("asked_at", models.DateTimeField(null=True)),
                (
                    "next_at",
                    models.DateTimeField(db_index=True, help_text="When it is asked; null: not by itself.", null=True),
                ),
                ("verified_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "hookpost_challenge"},
        ),
    ]
