"""Filters of lists of endpoints.

What lives here: what can be chosen. It must not know what is listed.
"""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

from deliveries.admin.badges import state_word
from deliveries.admin.list_filters import ChoiceFilter, Options, SingleFilter
from deliveries.models import Endpoint


class EndpointStateFilter(ChoiceFilter):
    """States of an endpoint."""

    title, names, word = gettext_noop("State"), ("state",), "states"

    def options(self) -> Options:
        """All states."""
        return [(value, state_word(value).capitalize()) for value in Endpoint.State.values]


class EndpointHealthFilter(SingleFilter):
    """Whether deliveries arrive at an endpoint."""

    title, names, word = gettext_noop("Health"), ("health",), "health"

    def options(self) -> Options:
        """Failing or not, or left alone for a while."""
        return [("failing", gettext("Failing")), ("healthy", gettext("Not failing")), ("resting", gettext("Resting"))]
