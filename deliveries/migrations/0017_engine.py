"""What the engine remembers: workers that beat, and the request of each attempt. Old processes may go on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("deliveries", "0016_failed_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="Worker",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("host", models.TextField(db_default="", default="")),
                ("pid", models.IntegerField(db_default=0, default=0)),
                ("slow", models.BooleanField(db_default=False, default=False)),
                ("since", models.DateTimeField()),
                ("beat_at", models.DateTimeField()),
            ],
            options={
                "db_table": "hookpost_worker",
            },
        ),
        migrations.AddField(
            model_name="attempt",
            name="connect_ms",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="attempt",
            name="dns_ms",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="attempt",
            name="first_byte_ms",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="attempt",
            name="request_headers",
            field=models.TextField(db_default="", default="", help_text="As sent; values of one's own are hidden."),
        ),
        migrations.AddField(
            model_name="attempt",
            name="request_url",
            field=models.TextField(db_default="", default="", verbose_name="request URL"),
        ),
        migrations.AddField(
            model_name="attempt",
            name="signed_with",
            field=models.TextField(db_default="", default="", help_text="Hints of the secrets that signed, by spaces."),
        ),
        migrations.AddField(
            model_name="attempt",
            name="tls_ms",
            field=models.IntegerField(null=True),
        ),
    ]
