"""Tags: words that an event carries and an endpoint asks for.

What lives here: what a tag may be, and how many there may be. It must not know rows, nor what tags decide: the
statements that fan out do. Source: the channels of Svix, which mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from deliveries.errors import InvalidInput
from deliveries.protocol.writing.sentences import say

TAGS_LIMIT = 10
TAG_LIMIT = 64
# No space and no comma: tags are joined by the one for the database, and by the other in the addresses of lists.
_TAG = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._:/@=+~-]{{0,{TAG_LIMIT - 1}}}")


def check_tags(tags: Sequence[str], *, field: str = "tags") -> tuple[str, ...]:
    """Return tags once each, in their order; raises InvalidInput for one that cannot be a tag, or too many."""
    found = tuple(dict.fromkeys(tags))
    if len(found) > TAGS_LIMIT:
        raise InvalidInput(say("at most {tags_limit} tags", tags_limit=TAGS_LIMIT), field=field)
    for tag in found:
        if not isinstance(tag, str) or _TAG.fullmatch(tag) is None:
            raise InvalidInput(
                say(
                    "a tag has 1 to {tag_limit} of the characters A-Z a-z 0-9 . _ : / @ = + ~ -, a "
                    "letter or figure first",
                    tag_limit=TAG_LIMIT,
                ),
                field=field,
            )
    return found


def read_tags(text: str, *, field: str = "tag") -> tuple[str, ...]:
    """Return the tags of a text with commas; raises InvalidInput."""
    return check_tags([word.strip() for word in text.split(",")], field=field)
