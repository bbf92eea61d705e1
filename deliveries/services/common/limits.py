"""How many of a thing one customer may have, so that nobody's doing is without end.

What lives here: each limit with its figure, and the refusal that names both. It must not know how things are made:
who makes one locks its owner, counts, and asks here. docs/security.md says what each limit keeps from whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from deliveries import sql
from deliveries.conf import conf
from deliveries.errors import LimitReached, NotFound
from deliveries.models import Customer, Job
from deliveries.protocol.writing.sentences import say
from deliveries.services.common.held_rows import GONE

HELD_JOBS = 100
EVENT_TYPES = 500
API_VERSIONS = 100
VERSION_CHANGES = 2000
MEMBERS = 100
INVITATIONS = 30
SESSIONS = 20
API_KEYS = 50
INBOXES = 5
SIGNING_SECRETS = 10
PORTAL_LINKS = 100
EXPORTS = 1
CONNECTIONS_AT_ONCE = 4  # half of those that a web process shares among requests other than posted events
OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What is counted, in words, and how many of it a customer may have; None is the operator."""

    words: str
    figure: Callable[[Customer | None], int]


LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "endpoints": Limit(words=say("endpoints"), figure=lambda customer: _endpoints(customer)),
        "inboxes": Limit(words=say("inboxes"), figure=lambda _: INBOXES),
        "open_jobs": Limit(words=say("jobs under way"), figure=lambda _: conf.jobs_per_customer),
        "held_jobs": Limit(words=say("jobs that wait for a paused endpoint"), figure=lambda _: HELD_JOBS),
        "event_types": Limit(words=say("event types of its own"), figure=lambda _: EVENT_TYPES),
        "api_versions": Limit(words=say("versions of the API"), figure=lambda _: API_VERSIONS),
        "version_changes": Limit(words=say("event types that change with a version"), figure=lambda _: VERSION_CHANGES),
        "members": Limit(words=say("members"), figure=lambda _: MEMBERS),
        "invitations": Limit(words=say("invitations within a day"), figure=lambda _: INVITATIONS),
        "sessions": Limit(words=say("sessions of a member; the oldest ends"), figure=lambda _: SESSIONS),
        "api_keys": Limit(words=say("living API keys"), figure=lambda _: API_KEYS),
        "signing_secrets": Limit(
            words=say("secrets that sign for one endpoint (rotate with a shorter keep_hours)"),
            figure=lambda _: SIGNING_SECRETS,
        ),
        "portal_links": Limit(words=say("unused portal links"), figure=lambda _: PORTAL_LINKS),
        "events_at_once": Limit(words=say("posts of events at work"), figure=lambda _: _share_of_threads()),
        "requests_at_once": Limit(
            words=say("requests and pages at work"), figure=lambda _: min(CONNECTIONS_AT_ONCE, _share_of_threads())
        ),
        "polls_waiting": Limit(words=say("polls that wait"), figure=lambda _: _share_of_threads()),
        "processor_percent": Limit(words=say("percent of a web process's time"), figure=lambda _: conf.customer_share),
        "exports": Limit(words=say("exports under way"), figure=lambda _: EXPORTS),
    }
)


def refuse_beyond(name: str, number: int, customer: Customer | None) -> None:
    """Raise LimitReached when so many are there that one more would be too many."""
    limit = LIMITS[name]
    figure = limit.figure(customer)
    if number < figure:
        return
    owner = customer.public_id if customer else OPERATOR
    values = {"figure": f"{figure:,}", "what": limit.words, "number": f"{number:,}"}
    said = say("the operator may have at most {figure} {what}, and has {number}", **values)
    if customer:
        said = say("the customer {owner} may have at most {figure} {what}, and has {number}", owner=owner, **values)
    raise LimitReached(said, limit=name, figure=figure, owner=owner)


def refuse_more_jobs(customer: Customer | None, *, by_operator: bool) -> None:
    """Raise LimitReached when who asks has enough jobs; what only waits for a paused endpoint takes no place."""
    asked = Job.objects.filter(customer=customer, by_operator=by_operator)
    refuse_beyond("open_jobs", asked.filter(state__in=(Job.State.PENDING, Job.State.RUNNING)).count(), customer)
    refuse_beyond("held_jobs", asked.filter(state=Job.State.HELD).count(), customer)


def lock(customer: Customer | None) -> None:
    """Let things of a customer, or the operator, be made one after the other until the transaction ends.

    So a count holds, and nothing is made for a customer that is gone: NotFound.
    """
    if customer is None:
        sql.run("lock_operator", {})
    elif not Customer.objects.select_for_update(no_key=True).filter(id=customer.id).values_list("id"):
        raise NotFound(GONE)


def _share_of_threads() -> int:
    return max(2, conf.web_threads // 32)


def _endpoints(customer: Customer | None) -> int:
    own = customer.endpoint_limit if customer else None
    return conf.endpoints_per_customer if own is None else own
