"""Who did something, as a person reads it: `user:bob` is bob, of staff.

What lives here: words for the kinds of actors, and the names that somebody may mean who searches for one. It must not
know pages; whom a customer is told of, protocol/who/actor_names.py says.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.translation import gettext, gettext_noop

from deliveries.protocol.who.actor_names import OPERATOR, SYSTEM
from deliveries.services.common.languages import tell

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "user": gettext_noop("{name} (staff)"),
        "member": gettext_noop("{name} (member)"),
        "key": gettext_noop("{name} (API key)"),
        "customer_key": gettext_noop("{name} (API key of the customer)"),
        "token": gettext_noop("{name} (access token)"),
        "customer_token": gettext_noop("{name} (access token of the customer)"),
    }
)
WHOLE: Mapping[str, str] = MappingProxyType(
    {SYSTEM: gettext_noop("the system"), OPERATOR: gettext_noop("the operator")}
)


def actor_in_words(actor: str) -> str:
    """Return who an actor is; one of no known kind as it is."""
    if actor in WHOLE:
        return gettext(WHOLE[actor])
    kind, _, name = actor.partition(":")
    return tell(KINDS[kind], name=name) if kind in KINDS and name else actor


def actors_called(name: str) -> list[str]:
    """Return the actors that somebody may mean who types this: the actor itself, or a name without its kind."""
    return [name, *(f"{kind}:{name}" for kind in KINDS)]
