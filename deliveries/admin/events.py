"""Events: what internal services emitted, and where each went.

What lives here: the pages of both sites: looking, and erasing what an event says. It must not know how events are
accepted.
"""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from deliveries.admin.base.acts import Question
from deliveries.admin.base.readonly import ReadOnlyPages
from deliveries.admin.delivery.delivery_columns import CustomerLink, still_there
from deliveries.admin.lists import log_filters
from deliveries.admin.lists.asked import Asked
from deliveries.admin.lists.columns import moment_column
from deliveries.admin.lists.list_filters import Narrows
from deliveries.admin.lists.owner_filters import CustomerFilter
from deliveries.admin.lists.tag_filter import TagFilter
from deliveries.admin.lists.value_filter import ValueFilter
from deliveries.admin.parts.badges import answer_of, badge, code, moment
from deliveries.admin.parts.highlight import coloured_json
from deliveries.admin.parts.paging import Source
from deliveries.admin.parts.viewer import has_member_right
from deliveries.admin.portal.portal_base import PortalAdmin
from deliveries.admin.site.sites import portal_site, staff_site
from deliveries.models import Endpoint, Event, visible
from deliveries.models.log import EVERYONES
from deliveries.models.visible import Viewer
from deliveries.protocol.who.member_roles import MemberRight
from deliveries.protocol.writing.trace_context import trace_id_of
from deliveries.services.common.languages import tell, tell_number
from deliveries.services.event_erasure import erase_content
from deliveries.services.people.role_groups import ERASE
from deliveries.services.reading.event_values import holding
from deliveries.services.reading.selection import between, of_types

SHOWN_DELIVERIES = 100
LOOKED_THROUGH = frozenset({"types", "tags", "value"})  # what no index finds


class EventPages(ReadOnlyPages[Event]):
    """What staff and members see alike."""

    rows = visible.events
    acts = ("erase",)
    search_fields = ("id",)
    search_help_text = gettext_noop("evt_ id (the webhook-id), or a UUID")
    nothing_yet = gettext_noop("No event yet. Emit one by REST (POST /events), or send a test event from an endpoint.")
    change_form_template = "hookpost/event.html"
    fields = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Without the bodies."""
        return self.lean(super().get_queryset(request))

    def sources(self, request: HttpRequest, asked: Asked) -> list[Source]:
        """Events lie in places of their index, each of which is read in its order."""
        if asked.words:
            return [Source(rows=super().sources(request, asked)[0].rows)]
        narrows = asked.narrows
        return [
            Source(
                rows=self.narrow(self.lean(place), narrows),
                base=place if narrows.keys() & LOOKED_THROUGH else None,
                is_dear="value" in narrows,
            )
            for place in places_of(self.viewer(request), narrows)
        ]

    def narrow(self, rows: QuerySet[Event], narrows: Narrows) -> QuerySet[Event]:
        """By customer, type, tags, a value and time."""
        if "customer_ids" in narrows:
            rows = rows.filter(customer_id__in=narrows["customer_ids"])
        rows = of_types(rows, narrows.get("types", ()), column="type")
        if "tags" in narrows:
            rows = rows.filter(tags__overlap=list(narrows["tags"]))
        if "value" in narrows:
            rows = holding(rows, narrows["value"])
        return between(rows, since=narrows.get("since"), until=narrows.get("until"))

    def lean(self, rows: QuerySet[Event]) -> QuerySet[Event]:
        """Lists do not read bodies; a join would hide what outlived its customer."""
        return rows.prefetch_related("customer").defer("body")

    @admin.display(description=gettext_lazy("Event"))
    def shown_id(self, row: Event) -> SafeString:
        """The id that receivers see as webhook-id."""
        return code(row.public_id, one_line=True)

    @admin.display(description=gettext_lazy("Type"))
    def shown_type(self, row: Event) -> SafeString:
        """The event type."""
        return code(row.type)

    shown_created = moment_column(gettext_lazy("Accepted (UTC)"), "made_at")

    def question(self, request: HttpRequest, act: str, row: Event) -> Question | None:
        """Nothing brings it back."""
        what = gettext(
            "What it says is gone for good: its body, what was sent of it, and what receivers answered to it. Its log"
            " stays, what waits of it is cancelled, and none of it can be sent again. What is in flight at this"
            " moment may still arrive."
        )
        return Question(
            title=gettext("Erase the content of this event?"),
            what=what,
            button=gettext("Erase the content"),
            takes_away=True,
        )

    def act_erase(self, request: HttpRequest, row: Event) -> None:
        """Erase it, with a word on what was cancelled."""
        number = erase_content(row, actor=self.actor(request), **self.why(request))
        messages.success(request, gettext("The content was erased."))
        if number:
            messages.info(
                request,
                tell_number(
                    "{number} delivery that waited will not be sent.",
                    "{number} deliveries that waited will not be sent.",
                    number,
                ),
            )

    def endpoint_url(self, endpoint: Endpoint | None) -> str:
        """Return where an endpoint's page is; empty of one that was deleted."""
        if endpoint is None or endpoint.deleted_at is not None:
            return ""
        return self.url("change", endpoint.public_id, model="endpoint")

    def named(self, row: Event) -> dict[str, object]:
        """What happened, and its id."""
        return {"heading": f"{row.type} {row.public_id}"}

    def beside(self, request: HttpRequest, row: Event) -> dict[str, object]:
        """Return what the page shows besides the row."""
        found = visible.deliveries(self.viewer(request)).filter(event_id=row.pk).prefetch_related("endpoint")
        deliveries = [
            {
                "url": self.url("change", each.public_id, model="delivery"),
                "row": each,
                "endpoint": endpoint,
                "endpoint_url": self.endpoint_url(endpoint),
                "state": badge(each.state),
                "answer": answer_of(each),
            }
            for each in found.order_by("id")[:SHOWN_DELIVERIES]
            for endpoint in (still_there(each, "endpoint"),)
        ]
        return {
            **super().beside(request, row),
            "title": tell("Event {id}", id=row.public_id),
            "subtitle": None,
            **self.named(row),
            "event": row,
            "customer": still_there(row, "customer"),
            "is_for_everyone": row.customer_id == EVERYONES,
            "trace_id": trace_id_of(row.trace_context),
            "deliveries": deliveries,
            "acts": self.acts_for(request, row),
            "erased_at": row.erased_at and moment(row.erased_at),
            "body": coloured_json(bytes(row.body)),
            "body_bytes": len(row.body),
        }


@admin.register(Event, site=staff_site)
class StaffEvent(CustomerLink, EventPages):
    """All events, for support."""

    columns = ("shown_id", "shown_type", "shown_customer", "shown_created")
    filters = (
        CustomerFilter,
        log_filters.TypeFilter,
        TagFilter,
        ValueFilter,
        log_filters.WindowFilter,
        log_filters.PeriodFilter,
    )

    def may_act(self, request: HttpRequest, act: str, row: Event) -> bool:
        """A permission of its own, which support does not have."""
        return request.user.has_perm(ERASE)

    def beside(self, request: HttpRequest, row: Event) -> dict[str, object]:
        """Return what the page shows besides the row, and whose it is."""
        return {**super().beside(request, row), "customer_link": self.customer_link(row)}

    @admin.display(description=gettext_lazy("Customer"))
    def shown_customer(self, row: Event) -> SafeString:
        """The customer, linked."""
        return self.customer_link(row)


@admin.register(Event, site=portal_site)
class PortalEvent(EventPages, PortalAdmin[Event]):
    """A customer's own events."""

    nothing_yet = gettext_noop(
        "No event yet. They come by themselves, once something happens that you are told of; a test event is sent from"
        " an endpoint's page."
    )
    columns = ("shown_id", "shown_type", "shown_created")
    filters = (log_filters.TypeFilter, TagFilter, ValueFilter, log_filters.WindowFilter, log_filters.PeriodFilter)

    def may_act(self, request: HttpRequest, act: str, row: Event) -> bool:
        """An owner's to say, of what is the customer's alone."""
        return has_member_right(request, MemberRight.ERASE) and self.owns(request, row)


def places_of(viewer: Viewer, narrows: Narrows) -> list[QuerySet[Event]]:
    """Return what an index finds in its order: all events, those of one customer, or a member's own and everyone's.

    PostgreSQL would fetch what a member's two places have of all times and sort it; asked one by one, each is read in
    its order.
    """
    customers = narrows.get("customer_ids", ())
    if viewer.customer_id is not None:
        places = [visible.own_events(viewer.customer_id), visible.events_for_everyone(viewer)]
    else:
        places = [visible.own_events(customers[0]) if len(customers) == 1 else visible.events(viewer)]
    return [between(place, since=narrows.get("since"), until=narrows.get("until")) for place in places]
