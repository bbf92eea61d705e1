"""Filters of the lists.

What lives here: what can be chosen beside a list, and the condition that it means. All are part of one form,
so that choices add up. It must not know which rows the viewer may see: it narrows what it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from deliveries.admin.pages import read_id
from deliveries.errors import InvalidInput
from deliveries.models import Customer, Delivery, DueDelivery, Endpoint, visible
from deliveries.models.visible import Viewer
from deliveries.protocol import ids, timestamps
from deliveries.protocol.outcome import EXPLANATIONS
from deliveries.services import clock
from deliveries.services.selection import between, of_types, read_types

WINDOWS: Mapping[str, timedelta] = MappingProxyType(
    {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
)
NAME_MATCHES = 50
_FIELD = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(?:\.\d+)?)?")


class ChoiceFilter(SimpleListFilter):
    """A filter shown as links; its value stays in the form when another filter is changed."""

    template = "hookpost/filter_choices.html"


class TextFilter(SimpleListFilter):
    """A filter shown as text fields."""

    template = "hookpost/filter_text.html"
    input_type: ClassVar[str] = "text"
    placeholder: ClassVar[str] = ""
    parameter_names: ClassVar[Mapping[str, str]] = MappingProxyType({})
    trouble = ""  # what is wrong with the text, once the rows were asked for

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        self.viewer: Viewer = model_admin.viewer(request)
        self.names = dict(self.parameter_names) or {str(self.parameter_name): ""}
        self.texts: dict[str, str] = {}
        for name in self.names:
            values = params.pop(name, [])
            self.texts[name] = str(values[-1]).replace("\0", "").strip()[:200] if values else ""
        super().__init__(request, {}, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return nothing to choose from; the fields are always shown."""
        return [("", "")]

    def expected_parameters(self) -> list[str | None]:
        """Return the names in the address that are this filter's."""
        return list(self.names)

    @property  # type: ignore[override]
    def used_parameters(self) -> dict[str, str]:
        """Return what the form carries itself."""
        return self.texts

    @used_parameters.setter
    def used_parameters(self, value: Any) -> None:
        """Django's constructor sets an empty dictionary; the texts are read before it."""

    def nothing(self, queryset: QuerySet[Any], trouble: str) -> QuerySet[Any]:
        """Return no rows, and have the page say why."""
        self.trouble = trouble
        return queryset.none()

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Return the fields for the template."""
        for name, label in self.names.items():
            yield {"name": name, "label": label, "value": self.texts[name]}


class StateFilter(ChoiceFilter):
    """State of a delivery."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All states."""
        return list(Delivery.State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Use the partial index for exhausted, and the small queue for what waits."""
        state = self.value()
        if state not in Delivery.State.values:
            return queryset
        queryset = queryset.filter(state=state)
        if state == Delivery.State.EXHAUSTED:
            return queryset.filter(failed_at__isnull=False)
        if state in (Delivery.State.PENDING, Delivery.State.HELD):
            return queryset.filter(id__in=DueDelivery.objects.filter(manual=False).values("delivery_id"))
        return queryset


class ErrorFilter(ChoiceFilter):
    """Last error of a delivery."""

    title = "last error"
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All errors that an attempt can end in."""
        return [(name, name.replace("_", " ")) for name in EXPLANATIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Match the error exactly."""
        return queryset.filter(error=self.value()) if self.value() in EXPLANATIONS else queryset


class WindowFilter(ChoiceFilter):
    """The last hour, day or week, by the time inside the id."""

    title = "time"
    parameter_name = "window"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Three windows that end now."""
        return [("1h", "Last hour"), ("24h", "Last 24 hours"), ("7d", "Last 7 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Turn the window into a range of ids."""
        window = WINDOWS.get(self.value() or "")
        return queryset if window is None else queryset.filter(id__gte=ids.floor_of(clock.likely_now() - window))


class PeriodFilter(TextFilter):
    """From one moment to another, in UTC."""

    title = "period (UTC)"
    parameter_name = "since"
    parameter_names = MappingProxyType({"since": "From", "until": "Until"})
    input_type = "datetime-local"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Turn the moments into a range of ids."""
        since, until = (read_moment(self.texts[name]) for name in ("since", "until"))
        if (self.texts["since"] and since is None) or (self.texts["until"] and until is None):
            return self.nothing(queryset, "This is no moment; write it as 2026-01-31T12:00.")
        return between(queryset, since=since, until=until)


class CustomerFilter(TextFilter):
    """One customer by id, uid or name; several when the name is part of several."""

    title = "customer"
    parameter_name = "customer"
    placeholder = "Name, uid or cus_…"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Find the customers first: the log is then read by its index."""
        text = self.texts["customer"]
        if not text:
            return queryset
        found = customers_called(text)
        is_id = read_id(ids.CUSTOMER, text) is not None
        if not found or (is_id and not Customer.objects.filter(id__in=found).exists()):  # its log may still be there
            self.trouble = "There is no customer of this id, uid or name."
        return queryset.filter(customer_id__in=found)


class EndpointFilter(TextFilter):
    """One endpoint by id."""

    title = "endpoint"
    parameter_name = "endpoint"
    placeholder = "ep_…"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Match the endpoint, also one that was deleted, and say when there is none that the viewer may see."""
        text = self.texts["endpoint"]
        if not text:
            return queryset
        key = read_id(ids.ENDPOINT, text)
        if key is None or not visible.endpoints_ever(self.viewer).filter(id=key).exists():
            self.trouble = "There is no endpoint of this id."
        return queryset.filter(endpoint_id=key)


class TypeFilter(TextFilter):
    """Event types, by the words that the API takes."""

    title = "event type"
    parameter_name = "type"
    placeholder = "invoice.paid, user.*"
    column: ClassVar[str] = "event_type"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Match names and families, or nothing when a word is neither."""
        text = self.texts["type"]
        if not text:
            return queryset
        try:
            return of_types(queryset, read_types(text), column=self.column)
        except InvalidInput:
            return self.nothing(queryset, "This is neither an event type nor a family such as invoice.*.")


class EventsTypeFilter(TypeFilter):
    """The same for events."""

    column = "type"


class EndpointStateFilter(ChoiceFilter):
    """State of an endpoint."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All states."""
        return list(Endpoint.State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Match the state."""
        return queryset.filter(state=self.value()) if self.value() in Endpoint.State.values else queryset


class EndpointHealthFilter(ChoiceFilter):
    """Whether deliveries arrive at an endpoint."""

    title = "health"
    parameter_name = "health"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Failing or not."""
        return [("failing", "Failing"), ("healthy", "Not failing")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Ask the lane."""
        if self.value() not in ("failing", "healthy"):
            return queryset
        return queryset.filter(lane__failing_since__isnull=self.value() == "healthy")


def customers_called(text: str) -> list[Any]:
    """Return the ids of customers with that id or uid, else of those whose name contains the text."""
    key = read_id(ids.CUSTOMER, text)
    if key is not None:
        return [key]
    exact = list(Customer.objects.filter(uid=text).values_list("id", flat=True)[:1])
    return exact or list(Customer.objects.filter(Q(name__icontains=text)).values_list("id", flat=True)[:NAME_MATCHES])


def read_moment(text: str) -> datetime | None:
    """Read RFC 3339, or what a browser's field for date and time sends, which is labelled UTC; None for the rest."""
    field = _FIELD.fullmatch(text)
    try:
        return timestamps.read(f"{field[1]}{field[2] or ':00'}Z" if field else text)
    except InvalidInput:
        return None
