"""How figures look in answers.

What lives here: shapes. It must not know where figures come from.
"""

from __future__ import annotations

from rest_framework import serializers

from deliveries.api.fields import Flag, Moment, Number, Shape


class StatsShape(Shape):
    """Figures of an endpoint."""

    since = Moment()
    deliveries = Number(help_text="Since then.")
    states = serializers.DictField(child=Number(), help_text="Deliveries by state.")
    status_classes = serializers.DictField(child=Number(), help_text="Attempts by class of answer; none: no answer.")
    p50_ms = Number(allow_null=True)
    p95_ms = Number(allow_null=True)
    waiting = Number(help_text="In the queue now, at most 10,000 are counted.")
    sampled = Flag(help_text="True when only the newest 10,000 deliveries were looked at.")
