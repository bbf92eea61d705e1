"""The language that somebody chose. The column's default is the catalogue's: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0066_batches")]

    operations = [
        migrations.AddField(
            model_name="login",
            name="language",
            field=models.CharField(
                db_default="",
                default="",
                editable=False,
                help_text="What its person chose; empty: nothing.",
                max_length=8,
            ),
        ),
    ]
