"""Alerts: one row for each incident that somebody must hear of."""

import django.db.models.deletion
from django.db import migrations, models

import deliveries.models.base


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0013_second_factor")]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("endpoint.failing", "Endpoint fails"),
                            ("endpoint.disabled", "Endpoint disabled"),
                            ("delivery.exhausted", "Deliveries given up"),
                            ("sending.stopped", "Nothing can be sent"),
                        ],
                        max_length=32,
                    ),
                ),
                ("delivery_id", models.UUIDField(null=True)),
                ("since", models.DateTimeField()),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField()),
                ("told_at", models.DateTimeField(null=True)),
                ("mail_due_at", models.DateTimeField(null=True)),
                ("mailed_at", models.DateTimeField(null=True)),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="Empty: all.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="deliveries.endpoint",
                    ),
                ),
            ],
            options={"db_table": "hookpost_alert", "ordering": ("-id",)},
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                fields=("endpoint", "kind", "delivery_id", "since"),
                name="alert_once_per_incident",
                nulls_distinct=False,
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["id"], name="alert_untold", condition=models.Q(("told_at__isnull", True))),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                fields=["mail_due_at"], name="alert_unmailed", condition=models.Q(("mail_due_at__isnull", False))
            ),
        ),
        migrations.RunSQL(
            "COMMENT ON INDEX alert_untold IS 'services/telling/alerts.py: tell_customers, once a second';"
            "COMMENT ON INDEX alert_unmailed IS 'services/telling/alert_mail.py: once a second';",
            migrations.RunSQL.noop,
        ),
    ]
