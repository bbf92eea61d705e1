"""What an import has still to do, and what came of the rest."""

from __future__ import annotations

from django.db import models

from deliveries.models.base import new_id
from deliveries.models.jobs import Job


class ImportLine(models.Model):
    """One thing that a job imports: sealed until it is done, because it may hold secrets, then what came of it."""

    class Result(models.TextChoices):
        WAITING = "waiting", "Waiting"
        IMPORTED = "imported", "Imported"
        CHANGED = "changed", "Changed"
        UNCHANGED = "unchanged", "Unchanged"
        REFUSED = "refused", "Refused"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="lines", db_index=False)
    place = models.CharField(max_length=100, help_text="Where the file has it.")
    kind = models.CharField(max_length=16)
    uid = models.TextField(help_text="The name, of an event type.")
    customer = models.TextField(help_text="Whose it is, by uid.")
    sealed = models.BinaryField(null=True, editable=False)
    result = models.CharField(max_length=16, choices=Result.choices, default=Result.WAITING)
    detail = models.TextField(default="")

    class Meta:
        db_table = "hookpost_import_line"
        ordering = ("id",)
        indexes = (models.Index(fields=("job", "id"), name="import_line_of_job"),)

    def __str__(self) -> str:
        return f"{self.place}: {self.result}"
