"""The small tables, edited by people."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import deliveries.models.base


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        # Django names the tables' content types after any run, also one that ends at an early migration of ours.
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "uid",
                    models.CharField(
                        blank=True, help_text="The caller's own id.", max_length=128, null=True, unique=True
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "db_table": "hookpost_customer",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("uid", models.CharField(blank=True, max_length=128, null=True)),
                ("url", models.TextField(verbose_name="URL")),
                ("description", models.CharField(blank=True, default="", max_length=300)),
                (
                    "event_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=128),
                        blank=True,
                        default=list,
                        help_text="Empty: all.",
                        size=None,
                    ),
                ),
                (
                    "filter",
                    models.TextField(blank=True, default="", help_text="SQL/JSON path predicate over the payload."),
                ),
                ("headers_sealed", models.BinaryField(null=True)),
                (
                    "header_names",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100), default=list, editable=False, size=None
                    ),
                ),
                ("signing", models.CharField(default="standard", max_length=20)),
                (
                    "payload_mode",
                    models.CharField(
                        choices=[("full", "Full: the whole event"), ("thin", "Thin: id and link, details by API")],
                        default="full",
                        max_length=8,
                    ),
                ),
                (
                    "rate_limit",
                    models.PositiveIntegerField(
                        blank=True, help_text="Deliveries a second; empty: unlimited.", null=True
                    ),
                ),
                ("max_in_flight", models.PositiveSmallIntegerField(default=10)),
                (
                    "retry_schedule",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveIntegerField(),
                        blank=True,
                        help_text="Seconds before each attempt; empty: default.",
                        null=True,
                        size=None,
                    ),
                ),
                ("timeout_seconds", models.PositiveSmallIntegerField(default=15)),
                ("ordered", models.BooleanField(default=False, help_text="One at a time, in the order of events.")),
                (
                    "state",
                    models.CharField(
                        choices=[("enabled", "Enabled"), ("paused", "Paused"), ("disabled", "Disabled")],
                        default="enabled",
                        max_length=8,
                    ),
                ),
                ("state_reason", models.CharField(blank=True, default="", max_length=300)),
                ("state_changed_at", models.DateTimeField(auto_now_add=True)),
                (
                    "draining",
                    models.BooleanField(default=False, editable=False, help_text="Held deliveries are being released."),
                ),
                ("deleted_at", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="endpoints", to="deliveries.customer"
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_endpoint",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("hint", models.CharField(editable=False, max_length=8)),
                ("hashed", models.BinaryField(max_length=32, unique=True)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("events:write", "Emit events"),
                                ("deliveries:redeliver", "Redeliver"),
                                ("read", "Read"),
                                ("manage", "Manage customers, event types and endpoints"),
                            ],
                            max_length=32,
                        ),
                        default=list,
                        size=None,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_keys",
                        to="deliveries.customer",
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_api_key",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="EndpointSecret",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sealed", models.BinaryField()),
                ("hint", models.CharField(editable=False, max_length=8)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="secrets", to="deliveries.endpoint"
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_endpoint_secret",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="EventType",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=128)),
                ("description", models.TextField(blank=True, default="")),
                ("schema", models.JSONField(blank=True, help_text="JSON Schema of `data`.", null=True)),
                ("example", models.JSONField(blank=True, null=True)),
                (
                    "validation",
                    models.CharField(
                        choices=[("off", "Off"), ("warn", "Accept and warn"), ("reject", "Reject")],
                        default="off",
                        max_length=8,
                    ),
                ),
                ("archived", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the operator's own, seen by all customers.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="event_types",
                        to="deliveries.customer",
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_event_type",
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="Job",
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
                            ("redeliver", "Redeliver by filter"),
                            ("recover", "Redeliver what failed"),
                            ("replay", "Send what was never sent"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("filters", models.JSONField(default=dict)),
                ("actor", models.CharField(max_length=200)),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                ("total", models.IntegerField(default=0)),
                ("queued", models.IntegerField(default=0)),
                ("done", models.IntegerField(default=0)),
                ("failed", models.IntegerField(default=0)),
                ("cursor", models.UUIDField(help_text="Last delivery or event that was queued.", null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="jobs",
                        to="deliveries.customer",
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_job",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="members", to="deliveries.customer"
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="member", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_member",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("actor", models.CharField(max_length=200)),
                ("action", models.CharField(max_length=64)),
                ("target", models.CharField(help_text="Id of what it was done to.", max_length=64)),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                ("detail", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="audit_entries",
                        to="deliveries.customer",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "db_table": "hookpost_audit_entry",
                "ordering": ("-id",),
                "indexes": [models.Index(fields=["target"], name="audit_entry_by_target")],
            },
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(fields=["customer", "id"], name="endpoint_fan_out"),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.UniqueConstraint(
                fields=("customer", "uid"),
                name="endpoint_uid_once_per_customer",
                violation_error_message="There is an endpoint with this uid already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("timeout_seconds__gte", 1), ("timeout_seconds__lte", 30)),
                name="endpoint_timeout_1_to_30_seconds",
            ),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("max_in_flight__gte", 1), ("max_in_flight__lte", 100)),
                name="endpoint_in_flight_1_to_100",
            ),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("enabled", "paused", "disabled"))), name="endpoint_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate_limit__isnull", True), ("rate_limit__gte", 1), _connector="OR"),
                name="endpoint_rate_limit_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="eventtype",
            constraint=models.UniqueConstraint(
                fields=("customer", "name"),
                name="event_type_name_once_per_owner",
                nulls_distinct=False,
                violation_error_message="There is an event type of this name already.",
            ),
        ),
    ]
