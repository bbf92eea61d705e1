"""Failure groups in words, for pages and for letters to customers.

What lives here: sentences made of values. What it asks the database is only whom it speaks to.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext

from deliveries.admin.parts.badges import first_large
from deliveries.models import FailureGroup
from deliveries.protocol.answers.advice import advice_for
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.sentences import say
from deliveries.protocol.writing.time_zones import stamp
from deliveries.protocol.writing.timestamps import to_minute
from deliveries.services.common.languages import in_words, speaking, tell, tell_number
from deliveries.services.common.site_links import PORTAL, url_of
from deliveries.services.resending.failure_groups import Failing, GroupState
from deliveries.services.telling.mail_choices import shared_choices

STATES = {
    GroupState.OPEN: say("Nobody has looked at it yet."),
    GroupState.ACKNOWLEDGED: say("Somebody knows of it."),
    GroupState.OVER: say("It is over by itself: deliveries have arrived since, and nothing failed like this lately."),
}


def group_headline(found: Failing) -> str:
    """Return what fails, how often and since when, as a sentence."""
    row = found.row
    values = {"at": to_minute(row.first_at), "says": in_words(found.advice.says)}
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


def group_name(row: FailureGroup) -> str:
    """Return what comes from where."""
    url = row.endpoint.url
    if row.status_code:
        return tell("{answer} from {url}", answer=row.status_code, url=url)
    return f"{first_large(in_words(advice_for(row.error, row.status_code).says))}: {url}"


def deliveries_in_words(number: int) -> str:
    """Return a number of deliveries."""
    return tell_number("{number} delivery", "{number} deliveries", number)


def others_in_words(row: FailureGroup | None) -> str:
    """Return how many others fail like one delivery; empty when none does."""
    others = row.deliveries - 1 if row else 0
    if row is None or others < 1:
        return ""
    return tell_number(
        "{number} other has failed the same way since {at} UTC.",
        "{number} others have failed the same way since {at} UTC.",
        others,
        at=to_minute(row.first_at),
    )


def letter_of(found: Failing) -> str:
    """Return a text for the customer, ready to be sent: in the language and the time that its members read."""
    language, zone = shared_choices(found.row.endpoint.customer_id)
    with speaking(language):
        return "\n\n".join(_letter_of(found, zone)) + "\n"


def _letter_of(found: Failing, zone: str) -> Iterator[str]:
    row = found.row
    yield gettext("Hello,")
    yield tell_number(
        "{number} webhook of ours has not been taken by your endpoint since {at}: {says}.",
        "{number} webhooks of ours have not been taken by your endpoint since {at}: {says}.",
        row.deliveries,
        at=stamp(row.first_at, zone),
        says=in_words(found.advice.says),
    )
    yield f"    {row.endpoint.url}"
    yield tell("What helps: {do}", do=in_words(found.advice.do))
    yield gettext(
        "Nothing is lost. What is still in its retry schedule is tried again by itself; what was given up can be sent "
        "again as soon as this is mended. All of it, with an example:"
    )
    yield f"    {url_of(PORTAL, 'deliveries_failuregroup_change', row.public_id)}"


def example_of(row: FailureGroup) -> str:
    """Return the id of the delivery that failed last."""
    return ids.encode_id(ids.DELIVERY, row.example_id)
