"""Where a customer is on its way to another cell. Defaults are the catalogue's: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0044_credentials")]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="moving",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "No"),
                    ("frozen", "Events are accepted; nothing is sent, no setting changed"),
                    ("closed", "Nothing is accepted here: it is coming, or has gone"),
                ],
                db_default="",
                default="",
                editable=False,
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="moved_to",
            field=models.CharField(
                db_default="", default="", editable=False, help_text="A cell's name.", max_length=32
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="moving_since",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
