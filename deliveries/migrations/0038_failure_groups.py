"""What fails in the same way at the same endpoint, counted from the log."""

import django.db.models.deletion
from django.db import migrations, models

import deliveries.models.base


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0037_deliver_at")]

    operations = [
        migrations.CreateModel(
            name="FailureGroup",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("error", models.TextField()),
                ("status_code", models.SmallIntegerField(help_text="0: no answer.")),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("deliveries", models.IntegerField()),
                ("attempts", models.IntegerField()),
                ("oldest_id", models.UUIDField(help_text="The oldest delivery of it.")),
                ("example_id", models.UUIDField(help_text="The delivery that failed last.")),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("acknowledged_by", models.CharField(db_default="", default="", max_length=200)),
                (
                    "reason",
                    models.CharField(db_default="", default="", help_text="Why it was acknowledged.", max_length=300),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="deliveries.customer",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="deliveries.endpoint",
                    ),
                ),
            ],
            options={
                "verbose_name": "failure",
                "db_table": "hookpost_failure_group",
                "ordering": ("-last_at",),
                "indexes": [
                    models.Index(fields=["last_at", "id"], name="failure_group_newest"),
                    models.Index(fields=["customer", "last_at"], name="failure_group_by_customer"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("endpoint", "error", "status_code"), name="failure_group_of_endpoint"
                    )
                ],
            },
        ),
    ]
