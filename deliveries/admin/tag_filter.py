"""The filter of lists by tags of events.

What lives here: reading tags from an address. It must not know what they mean for the database.
"""

from __future__ import annotations

from deliveries.admin.list_filters import TextFilter
from deliveries.errors import InvalidInput
from deliveries.protocol.tags import read_tags


class TagFilter(TextFilter):
    """Tags of events, by the words that the API takes."""

    title, names, placeholder, takes_several = "Tag", ("tag",), "eu, project:7", True

    def read(self) -> None:
        """Take any of several."""
        try:
            self.narrows = {"tags": read_tags(",".join(self.values["tag"]))}
        except InvalidInput as error:
            return self.refuse(f"{error.detail[:1].upper()}{error.detail[1:]}.")
        for word in self.narrows["tags"]:
            self.show(word, word)
        return None
