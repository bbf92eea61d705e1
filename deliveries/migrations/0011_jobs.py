"""Jobs find what waits for them: an index over the few rows that belong to one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0010_api_rate")]

    operations = [
        migrations.AddIndex(
            model_name="duedelivery",
            index=models.Index(
                fields=["job_id"], name="due_delivery_by_job", condition=models.Q(("job_id__isnull", False))
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                fields=["id"], name="job_open", condition=models.Q(("state__in", ("pending", "running")))
            ),
        ),
        migrations.RunSQL(
            "COMMENT ON INDEX due_delivery_by_job IS 'services/resending/jobs.py, sql/cancel_due.sql';"
            "COMMENT ON INDEX job_open IS 'services/resending/jobs.py: tend_jobs, once a second';",
            migrations.RunSQL.noop,
        ),
    ]
