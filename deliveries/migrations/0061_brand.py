"""How the portal looks to a customer. The column's default is the catalogue's: no row is written; the table is new."""

import django.db.models.deletion
from django.db import migrations, models

import deliveries.models.base


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0060_windowed_endpoints")]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="brand",
            field=models.JSONField(
                db_default={}, default=dict, editable=False, help_text="See services/people/brands.py."
            ),
        ),
        migrations.CreateModel(
            name="BrandPicture",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=deliveries.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=16)),
                ("name", models.CharField(db_index=True, max_length=40)),
                ("content", models.BinaryField()),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="brand_pictures",
                        to="deliveries.customer",
                    ),
                ),
            ],
            options={
                "db_table": "hookpost_brand_picture",
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "kind"), name="brand_picture_once_of_a_kind")
                ],
            },
        ),
    ]
