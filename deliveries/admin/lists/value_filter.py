"""The filter of events by a value in what they say.

What lives here: reading it from an address. It must not know how it is looked for.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop

from deliveries.admin.lists.list_filters import TextFilter
from deliveries.services.reading.event_values import VALUE_LIMIT


class ValueFilter(TextFilter):
    """A text that stands in the data, whole: an id of the sender's own."""

    title, names, placeholder = gettext_noop("A value in the data"), ("value",), "inv_42"

    def read(self) -> None:
        """Take it as it is."""
        text = self.value.strip()[:VALUE_LIMIT]
        if text:
            self.narrows = {"value": text}
            self.show(text, text)
