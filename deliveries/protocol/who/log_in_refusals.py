"""Why somebody does not get in by the provider, in words for the page, the log and the audit trail.

What lives here: the reasons and their sentences. A page is told the reason, never what a provider wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from deliveries.protocol.writing.sentences import Sentence, say


class Refusal(StrEnum):
    """A reason; its value is what the address of the log-in page carries."""

    AWAY = "away"
    BUSY = "busy"
    NOT_UNDERSTOOD = "not-understood"
    STALE = "stale"
    CANCELLED = "cancelled"
    BY_PROVIDER = "by-provider"
    NOT_RIGHT = "not-right"
    NO_ROLE = "no-role"
    SWITCHED_OFF = "switched-off"
    OTHER_GROUPS = "other-groups"


SENTENCES: Mapping[Refusal, Sentence] = MappingProxyType(
    {
        Refusal.AWAY: say("{name} cannot be reached at the moment. Try again in a minute."),
        Refusal.BUSY: say("Many people log in by {name} at the moment. Try again in a minute."),
        Refusal.NOT_UNDERSTOOD: say(
            "{name} answers something that cannot be understood. Tell whoever runs this installation."
        ),
        Refusal.STALE: say("This log-in took too long, was used already, or began in another browser. Begin again."),
        Refusal.CANCELLED: say("The log-in at {name} was cancelled, or you may not use this application there."),
        Refusal.BY_PROVIDER: say("{name} refused the log-in. Tell whoever runs this installation."),
        Refusal.NOT_RIGHT: say(
            "What {name} says of you is not surely meant for here, so nobody was logged in. Begin again."
        ),
        Refusal.NO_ROLE: say(
            "Your account at {name} is in no group that has a role here. Ask whoever looks after the groups there."
        ),
        Refusal.SWITCHED_OFF: say("This account is switched off."),
        Refusal.OTHER_GROUPS: say(
            "A group of yours here is about other things too, so your role cannot be set. Ask an owner of this site."
        ),
    }
)


def sentence_of(word: str, *, name: str) -> Sentence | None:
    """Return what a page says for a reason; None for a word that is none."""
    try:
        return SENTENCES[Refusal(word)].again(name=name)
    except ValueError:
        return None
