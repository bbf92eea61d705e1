"""Why a lane rests, and who leased it. Apart from the attempts: two tables locked by one transaction meet who records."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0017_engine")]

    operations = [
        migrations.AddField(
            model_name="lane",
            name="rest_reason",
            field=models.TextField(db_default="", default="", help_text="Why the lane rests, while it does."),
        ),
        migrations.AddField(
            model_name="lane",
            name="window",
            field=models.SmallIntegerField(
                db_default=0,
                default=0,
                help_text="Requests in flight at most, growing after a 429; 0: as many as it may.",
            ),
        ),
        migrations.AddField(
            model_name="lane",
            name="worker_id",
            field=models.UUIDField(help_text="Who leased it last: the id of a row in hookpost_worker.", null=True),
        ),
        migrations.AlterField(
            model_name="lane",
            name="slow",
            field=models.BooleanField(
                default=False, help_text="Answers late or never: served from the queue deliveries_slow."
            ),
        ),
    ]
