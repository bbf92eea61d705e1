"""Room for a signing scheme in the customer's own words; a longer varchar rewrites no row."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0027_living_endpoints")]

    operations = [
        migrations.AlterField(
            model_name="endpoint",
            name="signing",
            field=models.CharField(
                default="standard", help_text="A profile's name, or a scheme as JSON.", max_length=400
            ),
        ),
    ]
