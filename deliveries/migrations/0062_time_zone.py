"""In which time zone somebody reads moments. The column's default is the catalogue's: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0061_brand")]

    operations = [
        migrations.AddField(
            model_name="login",
            name="time_zone",
            field=models.CharField(
                db_default="", default="", editable=False, help_text="Empty: the browser's.", max_length=64
            ),
        ),
    ]
