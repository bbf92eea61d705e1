"""Failure groups in words, for pages and for letters to customers.

What lives here: sentences made of values. It must not ask the database.
"""

from __future__ import annotations

from deliveries.models import FailureGroup
from deliveries.protocol import ids
from deliveries.protocol.sentences import say
from deliveries.services.failure_groups import Failing, GroupState
from deliveries.services.languages import in_words, tell_number
from deliveries.services.site_links import PORTAL, url_of

LETTER = """\
Hello,

since {since} UTC your endpoint

    {url}

has not taken {number} of our webhooks: {says}.

What helps: {do}

Nothing is lost. What is still in its retry schedule is tried again by itself; what was given up can be sent again as \
soon as this is mended. All of it, with an example:

    {address}
"""
STATES = {
    GroupState.OPEN: say("Nobody has looked at it yet."),
    GroupState.ACKNOWLEDGED: say("Somebody knows of it."),
    GroupState.OVER: say("It is over by itself: deliveries have arrived since, and nothing failed like this lately."),
}


def group_headline(found: Failing) -> str:
    """Return what fails, how often and since when, as a sentence."""
    row = found.row
    values = {"at": f"{row.first_at:%Y-%m-%d %H:%M}", "says": in_words(found.advice.says)}
    if found.state == GroupState.OVER:
        return tell_number(
            "{number} delivery failed since {at} UTC: {says}.",
            "{number} deliveries failed since {at} UTC: {says}.",
            row.deliveries,
            **values,
        )
    return tell_number(
        "{number} delivery has failed since {at} UTC: {says}.",
        "{number} deliveries have failed since {at} UTC: {says}.",
        row.deliveries,
        **values,
    )


def deliveries_in_words(number: int) -> str:
    """Return a number of deliveries."""
    return tell_number("{number} delivery", "{number} deliveries", number)


def others_in_words(row: FailureGroup | None) -> str:
    """Return how many others fail like one delivery; empty when none does."""
    others = row.deliveries - 1 if row else 0
    if row is None or others < 1:
        return ""
    return tell_number(
        "{number} other fails the same way since {time} UTC on {day}.",
        "{number} others fail the same way since {time} UTC on {day}.",
        others,
        time=f"{row.first_at:%H:%M}",
        day=f"{row.first_at:%Y-%m-%d}",
    )


def letter_of(found: Failing) -> str:
    """Return a text for the customer, ready to be sent."""
    row = found.row
    return LETTER.format(
        since=f"{row.first_at:%Y-%m-%d %H:%M}",
        url=row.endpoint.url,
        number=row.deliveries,
        says=found.advice.says,
        do=found.advice.do,
        address=url_of(PORTAL, "deliveries_failuregroup_change", row.public_id),
    )


def example_of(row: FailureGroup) -> str:
    """Return the id of the delivery that failed last."""
    return ids.encode_id(ids.DELIVERY, row.example_id)
