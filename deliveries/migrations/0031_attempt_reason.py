"""The reason of a redelivery, beside who asked for it, with the attempt."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0030_audit_note")]

    operations = [
        migrations.AddField(
            model_name="attempt",
            name="reason",
            field=models.TextField(db_default="", default="", help_text="Why a redelivery was asked for."),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="signed_with",
            field=models.TextField(
                db_default="", default="", help_text="Hints of the secrets that signed, one a line."
            ),
        ),
    ]
