"""Mails with a link that sets a password: what is due, and what was sent."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import deliveries.models.base


class Migration(migrations.Migration):
    dependencies = [
        ("deliveries", "0057_log_in"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PasswordMail",
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
                        choices=[("invited", "invited to the staff's site"), ("forgotten", "asked for at the log-in")],
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("mail_due_at", models.DateTimeField(null=True)),
                ("mailed_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="password_mails",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_password_mail",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("mail_due_at__isnull", False)),
                        fields=["mail_due_at"],
                        name="password_unmailed",
                    )
                ],
            },
        ),
    ]
