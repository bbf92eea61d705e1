"""Jobs are counted by customer, and their endpoints found by one probe each. Built while work goes on."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("deliveries", "0021_jobs_in_turn")]

    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                fields=["customer", "id"],
                name="job_unfinished",
                condition=models.Q(("state__in", ("pending", "running", "held"))),
            ),
        ),
        RemoveIndexConcurrently(model_name="job", name="job_open"),
        AddIndexConcurrently(
            model_name="duedelivery",
            index=models.Index(
                fields=["job_id", "endpoint_id"],
                name="due_delivery_of_job",
                condition=models.Q(("job_id__isnull", False)),
            ),
        ),
        RemoveIndexConcurrently(model_name="duedelivery", name="due_delivery_by_job"),
        migrations.RunSQL(
            "COMMENT ON INDEX due_delivery_of_job IS 'services/resending/jobs.py, sql/cancel_due.sql, sql/tend_jobs.sql';"
            "COMMENT ON INDEX job_unfinished IS 'sql/tend_jobs.sql, sql/take_job_turn.sql, services/resending/jobs.py';",
            migrations.RunSQL.noop,
        ),
    ]
