"""After how many failed attempts a delivery of an ordered endpoint holds up no other; null, as ever: at its end."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0055_tags_of_endpoints")]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="set_aside_after",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Ordered: attempts after which a delivery holds up no other; empty: not before it is given up.",
                null=True,
            ),
        ),
    ]
