"""Who was invited by mail to be a member."""

import django.db.models.deletion
from django.db import migrations, models

import deliveries.models.base

ROLES = [("owner", "owner"), ("developer", "developer"), ("viewer", "viewer")]


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0042_several_customers")]

    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("email", models.CharField(max_length=150)),
                ("role", models.CharField(choices=ROLES, max_length=16)),
                ("actor", models.CharField(help_text="Who invited.", max_length=200)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("mail_due_at", models.DateTimeField(null=True)),
                ("mailed_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitations",
                        to="deliveries.customer",
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_invitation",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("mail_due_at__isnull", False)),
                        fields=["mail_due_at"],
                        name="invitation_unmailed",
                    )
                ],
            },
        ),
    ]
