"""Versions of the installation's API, and what changes with each. New tables, few rows."""

import django.db.models.deletion
from django.db import migrations, models

import deliveries.models.base


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0067_log_in_language")]

    operations = [
        migrations.CreateModel(
            name="ApiVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=32, unique=True)),
                (
                    "description",
                    models.TextField(blank=True, default="", help_text="What is different; customers read it."),
                ),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={"db_table": "hookpost_api_version", "ordering": ("id",)},
        ),
        migrations.CreateModel(
            name="VersionChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("event_type", models.CharField(max_length=128)),
                (
                    "schema",
                    models.JSONField(blank=True, help_text="JSON Schema of `data` from this version on.", null=True),
                ),
                ("example", models.JSONField(blank=True, help_text="Example of `data` in this version.", null=True)),
                (
                    "down",
                    models.TextField(blank=True, default="", help_text="JMESPath over `data`, to the version before."),
                ),
                (
                    "up",
                    models.TextField(
                        blank=True, default="", help_text="JMESPath over `data`, from the version before."
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="deliveries.apiversion",
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_version_change",
                "ordering": ("event_type",),
                "constraints": [
                    models.UniqueConstraint(fields=("version", "event_type"), name="version_change_once_of_a_type")
                ],
            },
        ),
    ]
