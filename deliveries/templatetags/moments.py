"""What templates write as `{{ value|… }}` of ours, after `{% load moments %}`.

What lives here: filters. It must not know a page.
"""

from __future__ import annotations

from datetime import datetime

from django.template import Library
from django.utils.safestring import SafeString

from deliveries.admin.parts.badges import moment as written

register = Library()


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """Write a moment as everywhere: to the second, in UTC; a script adds the reader's own time."""
    return written(value)
