"""The limits of an endpoint in a customer's words, each with its name in REST.

What lives here: labels and help. It must not know how fields are shown or checked.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy

LIMIT_LABELS = {
    "rate_limit": gettext_lazy("Rate limit"),
    "max_in_flight": gettext_lazy("Requests at the same time"),
    "timeout_seconds": gettext_lazy("Seconds for an answer"),
    "ordered": gettext_lazy("In order"),
    "set_aside_after": gettext_lazy("Attempts before the next may pass"),
    "send_trace_context": gettext_lazy("Trace of who emitted it"),
}
LIMIT_HELP = {
    "rate_limit": gettext_lazy("Requests a second. Empty: unlimited. By REST: rate_limit."),
    "max_in_flight": gettext_lazy("At most 100. By REST: max_in_flight."),
    "timeout_seconds": gettext_lazy("For an attempt in all, at most 30. By REST: timeout_seconds."),
    "ordered": gettext_lazy("One at a time, in the order of events. By REST: ordered."),
    "set_aside_after": gettext_lazy(
        "In order only: after so many failed attempts a delivery no longer holds up those behind it. Empty: it"
        " does until it is given up. By REST: set_aside_after."
    ),
}
