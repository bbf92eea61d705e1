"""What one person did, and the jobs of one endpoint, are found among many. Built while work goes on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.fields.json import KeyTransform


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("deliveries", "0081_silence_of_workers")]

    operations = [
        AddIndexConcurrently(
            model_name="auditentry",
            index=models.Index(fields=["actor", "id"], name="audit_entry_by_actor"),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(KeyTransform("endpoint_id", "filters"), models.F("id"), name="job_of_endpoint"),
        ),
    ]
