"""Versions of the installation's API, and what changes with each; the operator's."""

from __future__ import annotations

from django.db import models

from deliveries.models.base import IdentifiedModel, MomentField
from deliveries.protocol.events.api_versions import NAME_LIMIT
from deliveries.protocol.writing import ids


class ApiVersion(IdentifiedModel):
    """A version; they follow each other in the order in which they were registered.

    One that is not released yet is being prepared: no event is emitted in it and no endpoint pinned to it.
    """

    PREFIX = ids.API_VERSION

    name = models.CharField(max_length=NAME_LIMIT, unique=True)
    description = models.TextField(blank=True, default="", help_text="What is different; customers read it.")
    released_at = models.DateTimeField(null=True, blank=True)
    created_at = MomentField(auto_now_add=True)
    updated_at = MomentField(auto_now=True)

    class Meta:
        db_table = "hookpost_api_version"
        ordering = ("id",)
        verbose_name = "API version"

    def __str__(self) -> str:
        return self.name


class VersionChange(IdentifiedModel):
    """How data of one event type looks from a version on, and the mappings between that and what was before it."""

    PREFIX = ids.VERSION_CHANGE

    version = models.ForeignKey(ApiVersion, on_delete=models.CASCADE, related_name="changes")
    event_type = models.CharField(max_length=128)
    schema = models.JSONField(null=True, blank=True, help_text="JSON Schema of `data` from this version on.")
    example = models.JSONField(null=True, blank=True, help_text="Example of `data` in this version.")
    down = models.TextField(blank=True, default="", help_text="JMESPath over `data`, to the version before.")
    up = models.TextField(blank=True, default="", help_text="JMESPath over `data`, from the version before.")
    created_at = MomentField(auto_now_add=True)
    updated_at = MomentField(auto_now=True)

    class Meta:
        db_table = "hookpost_version_change"
        ordering = ("event_type",)
        verbose_name = "change"
        verbose_name_plural = "changes with versions"
        constraints = (models.UniqueConstraint(fields=("version", "event_type"), name="version_change_once_of_a_type"),)

    def __str__(self) -> str:
        return self.event_type
