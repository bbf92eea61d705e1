"""What a job means, in words and as a list.

What lives here: from the selection that a job keeps to text and to the address of a list. It must not know pages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.utils.translation import gettext, gettext_noop

from deliveries.admin.parts.badges import state_word
from deliveries.admin.words.error_words import error_word
from deliveries.models import Job, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.timestamps import to_second

# The members of a kept selection, with the words of a page and the parameter of the list of deliveries.
WORDS = {
    "customer_id": (gettext_noop("Customer"), "customer"),
    "endpoint_id": (gettext_noop("Endpoint"), "endpoint"),
    "event_id": (gettext_noop("Event"), ""),
    "types": (gettext_noop("Event types"), "type"),
    "tags": (gettext_noop("Tags"), "tag"),
    "states": (gettext_noop("States"), "state"),
    "status_code": (gettext_noop("Status code"), "status"),
    "error": (gettext_noop("Last error"), "error"),
    "since": (gettext_noop("From"), "since"),
    "until": (gettext_noop("Until"), "until"),
    "failed": (gettext_noop("Only what failed"), ""),
}
PREFIXES = {"customer_id": ids.CUSTOMER, "endpoint_id": ids.ENDPOINT, "event_id": ids.EVENT}
LISTED = (Job.Kind.REDELIVER, Job.Kind.CANCEL)


def filter_words(job: Job) -> list[tuple[str, str]]:
    """Return what a job was narrowed to: titles and texts, with names where rows have one."""
    return [(WORDS[name][0], _text(name, value)) for name, value in job.filters.items() if name in WORDS]


def narrowed_words(jobs: Sequence[Job]) -> Mapping[UUID, str]:
    """Return in a line what each job was narrowed to, its customer aside; the endpoints are asked for once."""
    wanted = {str(job.filters["endpoint_id"]) for job in jobs if job.filters.get("endpoint_id")}
    urls = {str(key): url for key, url in _urls_of(wanted)}
    return {job.pk: _narrowed(job, urls) for job in jobs}


def _urls_of(wanted: Collection[str]) -> Iterable[tuple[UUID, str]]:
    rows = visible.endpoints_ever(visible.OPERATOR).filter(id__in=wanted) if wanted else None
    return [] if rows is None else rows.values_list("id", "url")


def _narrowed(job: Job, urls: Mapping[str, str]) -> str:
    words = []
    for name in WORDS:  # jsonb keeps an order of its own
        value = job.filters.get(name)
        if value is not None and name == "endpoint_id":
            words.append(urls.get(str(value)) or _public_id(name, value))
        elif value is not None and name not in ("customer_id", "failed"):
            words.append(f"{gettext(WORDS[name][0])}: {_text(name, value)}")
    return " · ".join(words)


def filter_address(job: Job, *, viewer: Viewer) -> str:
    """Return the query string of the list of deliveries that a job means; empty where no list says just that."""
    if job.kind not in LISTED or set(job.filters) - {name for name, (_, word) in WORDS.items() if word}:
        return ""
    named = {WORDS[name][1]: _word(name, value) for name, value in job.filters.items()}
    if not viewer.is_operator:
        named.pop("customer", None)
    return urlencode(named)


def _word(name: str, value: object) -> str:
    if name in PREFIXES:
        return _public_id(name, value)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _text(name: str, value: object) -> str:
    if name == "customer_id":
        known = visible.customers(visible.OPERATOR).filter(id=str(value)).values_list("name", flat=True).first()
        return known or _public_id(name, value)
    if name == "endpoint_id":
        url = visible.endpoints_ever(visible.OPERATOR).filter(id=str(value)).values_list("url", flat=True).first()
        return url or _public_id(name, value)
    if name in ("since", "until"):
        return f"{to_second(datetime.fromisoformat(str(value)))} UTC"
    if name == "states" and isinstance(value, list):
        return ", ".join(state_word(str(each)) for each in value)
    if name == "error":
        return error_word(str(value))
    return gettext("yes") if value is True else _word(name, value).replace(",", ", ")


def _public_id(name: str, value: object) -> str:
    return ids.encode_id(PREFIXES[name], UUID(str(value)))
