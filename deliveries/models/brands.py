"""The pictures of customers' brands; their words and colour are with the customer."""

from __future__ import annotations

from django.db import models

from deliveries.models.base import IdentifiedModel
from deliveries.models.customers import Customer


class BrandPicture(IdentifiedModel):
    """A logo or an icon, as it was given; its name is made of its contents."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="brand_pictures")
    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=40, db_index=True)
    content = models.BinaryField()

    class Meta:
        db_table = "hookpost_brand_picture"
        constraints = (models.UniqueConstraint(fields=("customer", "kind"), name="brand_picture_once_of_a_kind"),)

    def __str__(self) -> str:
        return self.name
