"""Which first steps a customer has done. The default is the catalogue's: no row is written."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0049_cancel_job")]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="first_steps",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=16),
                db_default=[],
                default=list,
                editable=False,
                help_text="Those done, see services/people/first_steps.py.",
                size=None,
            ),
        ),
    ]
