"""What an import came to, on the page of its job: how many lines of what, and which were refused and why.

What lives here: words and numbers. It must not know how lines are imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.translation import gettext, gettext_noop

from deliveries.models import ImportLine, Job
from deliveries.services.import_jobs import refused_lines, results_of

REFUSED_SHOWN = 50
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "customer": gettext_noop("Customers"),
        "event_type": gettext_noop("Event types"),
        "endpoint": gettext_noop("Endpoints"),
    }
)
RESULTS: Mapping[str, str] = MappingProxyType(
    {
        ImportLine.Result.IMPORTED: gettext_noop("New"),
        ImportLine.Result.CHANGED: gettext_noop("Changed"),
        ImportLine.Result.UNCHANGED: gettext_noop("As it was"),
        ImportLine.Result.REFUSED: gettext_noop("Refused"),
        ImportLine.Result.WAITING: gettext_noop("Still to do"),
    }
)


def import_report(job: Job) -> dict[str, object]:
    """Return what the page of an import shows; nothing of other jobs."""
    if job.kind != Job.Kind.IMPORT:
        return {}
    found = results_of(job)
    return {
        "import_results": [gettext(words) for words in RESULTS.values()],
        "import_rows": [
            (gettext(words), [found[kind][result] for result in RESULTS], found[kind].total())
            for kind, words in KINDS.items()
            if kind in found
        ],
        "refused_lines": refused_lines(job, limit=REFUSED_SHOWN),
        "refused_number": sum(counts[ImportLine.Result.REFUSED] for counts in found.values()),
        "is_dry_run": bool(job.filters.get("dry_run")),
    }
