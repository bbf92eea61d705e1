"""Which challenge an endpoint's URL has yet to answer, and what it allowed. Null for all that are there: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0063_mail_choices")]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="unverified",
            field=models.CharField(
                editable=False,
                help_text="The challenge that its URL has yet to answer; null: none.",
                max_length=12,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="allowed_rate",
            field=models.PositiveIntegerField(
                editable=False, help_text="Deliveries a minute that its receiver allows; null: any number.", null=True
            ),
        ),
    ]
