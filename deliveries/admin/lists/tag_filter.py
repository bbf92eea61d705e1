"""The filter of lists by tags: of events, or of endpoints.

What lives here: reading tags from an address. It must not know what they mean for the database.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop

from deliveries.admin.lists.list_filters import TextFilter
from deliveries.admin.parts.badges import first_large
from deliveries.errors import InvalidInput
from deliveries.protocol.events.tags import read_tags
from deliveries.services.common.languages import said_by


class TagFilter(TextFilter):
    """Tags, by the words that the API takes."""

    title, names, placeholder, takes_several = gettext_noop("Tag"), ("tag",), "eu, project:7", True

    def read(self) -> None:
        """Take any of several."""
        try:
            self.narrows = {"tags": read_tags(",".join(self.values["tag"]))}
        except InvalidInput as error:
            return self.refuse(f"{first_large(said_by(error))}.")
        for word in self.narrows["tags"]:
            self.show(word, word)
        return None
