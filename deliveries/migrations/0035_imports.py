"""Imports as jobs, and what is to be done and was done by each."""

import django.db.models.deletion
from django.db import migrations, models

import deliveries.models.base


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0034_payload_data")]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("redeliver", "Redeliver by filter"),
                    ("recover", "Redeliver what failed"),
                    ("replay", "Send what was never sent"),
                    ("erase", "Erase a customer"),
                    ("import", "Import from elsewhere"),
                ],
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="ImportLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("place", models.CharField(help_text="Where the file has it.", max_length=100)),
                ("kind", models.CharField(max_length=16)),
                ("uid", models.TextField(help_text="The name, of an event type.")),
                ("customer", models.TextField(help_text="Whose it is, by uid.")),
                ("sealed", models.BinaryField(editable=False, null=True)),
                (
                    "result",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("imported", "Imported"),
                            ("changed", "Changed"),
                            ("unchanged", "Unchanged"),
                            ("refused", "Refused"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("detail", models.TextField(default="")),
                (
                    "job",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="deliveries.job",
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_import_line",
                "ordering": ("id",),
                "indexes": [models.Index(fields=["job", "id"], name="import_line_of_job")],
            },
        ),
    ]
