"""Access tokens that workers share: fetched for an endpoint's OAuth2 credentials, sealed, used until they are old."""

from __future__ import annotations

from django.db import models

from deliveries.models.endpoints import Endpoint


class AccessToken(models.Model):
    """The token of an endpoint; `sealed` also holds for which credentials it was given."""

    endpoint = models.OneToOneField(Endpoint, on_delete=models.CASCADE, primary_key=True, related_name="+")
    sealed = models.BinaryField(editable=False)
    refresh_at = models.DateTimeField(help_text="From then on another one is fetched.")

    class Meta:
        db_table = "hookpost_access_token"

    def __str__(self) -> str:
        return f"until {self.refresh_at}"
