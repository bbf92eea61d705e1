"""Views of lists that somebody keeps. The column's default is the catalogue's: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0071_staff_identity")]

    operations = [
        migrations.AddField(
            model_name="login",
            name="views",
            field=models.JSONField(
                db_default={},
                default=dict,
                editable=False,
                help_text="Of lists, by the list's name: names and query strings.",
            ),
        ),
    ]
