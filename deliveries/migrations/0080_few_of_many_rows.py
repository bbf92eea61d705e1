"""The few endpoints with certificates of their own among many, and the audit trail of one customer in its order."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("deliveries", "0078_few_of_many_endpoints")]

    operations = [
        AddIndexConcurrently(
            model_name="endpoint",
            index=models.Index(
                condition=Q(("deleted_at", None), ("tls_shown__isnull", False)),
                fields=["id"],
                name="endpoint_with_tls",
            ),
        ),
        AddIndexConcurrently(
            model_name="auditentry",
            index=models.Index(fields=["customer", "id"], name="audit_entry_by_customer"),
        ),
    ]
