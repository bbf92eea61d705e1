"""Columns of the lists of deliveries.

What lives here: one small piece of a page per value of a row. It must not know the list around it.
"""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from deliveries.admin.badges import answer_of, badge, code, is_past, moment, shortened
from deliveries.models import Delivery


class DeliveryColumns:
    """Mixed into the pages of deliveries."""

    @admin.display(description="State")
    def shown_state(self, row: Delivery) -> SafeString:
        """State as a badge."""
        return badge(row.state)

    @admin.display(description="Delivery")
    def shown_id(self, row: Delivery) -> SafeString:
        """The end of the id tells deliveries apart; the whole of it is in the tooltip."""
        return code(f"…{row.public_id[-6:]}", title=row.public_id, one_line=True)

    @admin.display(description="Endpoint")
    def shown_endpoint(self, row: Delivery) -> SafeString:
        """The URL, which is not a link: only Hookpost calls it."""
        return code(shortened(row.endpoint.url.partition("://")[2], length=28), title=row.endpoint.url, one_line=True)

    @admin.display(description="Customer")
    def shown_customer(self, row: Delivery) -> str:
        """The customer's name."""
        return row.customer.name

    @admin.display(description="Last answer")
    def shown_answer(self, row: Delivery) -> SafeString | str:
        """Status and error of the last attempt, explained in the tooltip."""
        return answer_of(row)

    @admin.display(description="Tries")
    def shown_attempts(self, row: Delivery) -> int:
        """Requests sent so far."""
        return row.attempts

    @admin.display(description="Created (UTC)")
    def shown_created(self, row: Delivery) -> SafeString | str:
        """When the event was accepted."""
        return moment(row.created_at, short=True)

    @admin.display(description="Next attempt")
    def shown_next(self, row: Delivery) -> SafeString | str:
        """When the schedule goes on."""
        return "now" if is_past(row.next_attempt_at) else moment(row.next_attempt_at, relative=True)
