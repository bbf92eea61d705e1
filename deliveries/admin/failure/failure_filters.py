"""Filters of the list of failures.

What lives here: what can be chosen, and what it means. It must not know which groups the viewer may see.
"""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from deliveries.admin.lists import log_filters
from deliveries.admin.lists.list_filters import Narrows, Options, SingleFilter
from deliveries.admin.lists.tag_filter import TagFilter
from deliveries.admin.parts.badges import state_word
from deliveries.models import FailureGroup
from deliveries.services.reading.selection import Selection
from deliveries.services.resending.failure_groups import GroupState, in_state, narrowed

STATE, CUSTOMERS = "group_state", "customer_ids"


class GroupStateFilter(SingleFilter):
    """Whether somebody knows of it, or it is over."""

    title, names, word = gettext_noop("State"), ("state",), STATE

    def options(self) -> Options:
        """All states."""
        return [(state.value, state_word(state).capitalize()) for state in GroupState]


OF_BOTH_SITES = (log_filters.ErrorFilter, log_filters.StatusFilter, TagFilter)


def narrow(rows: QuerySet[FailureGroup], narrows: Narrows) -> QuerySet[FailureGroup]:
    """Narrow groups of with_arrivals by what was chosen."""
    selection = {name: value for name, value in narrows.items() if name not in (STATE, CUSTOMERS)}
    found = narrowed(rows, Selection(**selection))
    if CUSTOMERS in narrows:
        found = found.filter(customer_id__in=narrows[CUSTOMERS])
    return in_state(found, GroupState(narrows[STATE])) if STATE in narrows else found
