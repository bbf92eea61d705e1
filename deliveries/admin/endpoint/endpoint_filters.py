"""Filters of lists of endpoints.

What lives here: what can be chosen. It must not know what is listed.
"""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

from deliveries.admin.lists.list_filters import ChoiceFilter, Options, SingleFilter
from deliveries.admin.lists.tag_filter import TagFilter
from deliveries.admin.parts.badges import state_word
from deliveries.models import Endpoint
from deliveries.services.catalogue.api_versions import released_versions


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


class VersionFilter(SingleFilter):
    """The version that an endpoint is pinned to; where there are none, there is nothing to choose."""

    title, names, word, kind = gettext_noop("API version"), ("api_version",), "api_version", "select"

    def options(self) -> Options:
        """The versions that were released, the newest first."""
        return [(name, name) for name in reversed(released_versions())]


OF_BOTH_SITES = (EndpointStateFilter, EndpointHealthFilter, TagFilter, VersionFilter)
