"""Every metric that a process counts about itself. docs/operations.md lists them too; a test compares the two.

What lives here: names by Prometheus' conventions (base units, `_total` for counters), meanings, labels, bounds. Few
labels, none of which names a customer or an endpoint: whose delivery it was is in the log.
"""

from __future__ import annotations

from deliveries.metrics.kinds import Counter, Gauge, Histogram
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.protocol.when.delivery_states import DeliveryState

SUCCEEDED = "succeeded"

REFUSALS = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "too_large",
    415: "unsupported",
    422: "invalid",
    429: "too_many",
    500: "error",
    503: "unavailable",
}

ROUND_TRIP = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
DAYS = (0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 1800, 7200, 21_600, 86_400, 259_200)
ATTEMPT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

# Accepting.
EVENTS_ACCEPTED = Counter("hookpost_events_accepted_total", "Events stored, each once.")
EVENTS_REFUSED = Counter(
    "hookpost_events_refused_total",
    "Events, or whole requests with events, that were refused.",
    label="reason",
    values=tuple(dict.fromkeys([*REFUSALS.values(), "unconfirmed"])),
)
ACCEPT_SECONDS = Histogram(
    "hookpost_accept_seconds", "From a posted request to its answer, whatever that was.", bounds=ROUND_TRIP
)
COMMIT_SECONDS = Histogram("hookpost_commit_seconds", "The statement that stores events.", bounds=ROUND_TRIP)
COMMIT_EVENTS = Histogram("hookpost_commit_events", "Events stored by one statement.", bounds=SIZES)

# Delivering.
ATTEMPTS = Counter(
    "hookpost_attempts_total",
    "Attempts recorded, by what came of them.",
    label="outcome",
    values=(SUCCEEDED, *EXPLANATIONS),
)
DELIVERIES_ENDED = Counter(
    "hookpost_deliveries_ended_total",
    "Deliveries, and redeliveries by hand, that need no further attempt.",
    label="state",
    values=(DeliveryState.SUCCEEDED, DeliveryState.EXHAUSTED, DeliveryState.CANCELLED),
)
FIRST_ATTEMPT_SECONDS = Histogram(
    "hookpost_first_attempt_latency_seconds",
    "From a delivery's creation to its first attempt; the time in which its endpoint was paused or rested is in it.",
    bounds=LATENCY,
)
DELIVERY_SECONDS = Histogram(
    "hookpost_delivery_latency_seconds",
    "From a delivery's creation to the answer with which it succeeded, retries included, redeliveries by hand not.",
    bounds=DAYS,
)
ATTEMPT_SECONDS = Histogram(
    "hookpost_attempt_duration_seconds", "How long the requests of attempts took.", bounds=ATTEMPT
)
CLAIM_SECONDS = Histogram(
    "hookpost_claim_seconds", "A statement that leases lanes or claims what is due.", bounds=ROUND_TRIP
)
CLAIM_DELIVERIES = Histogram("hookpost_claim_deliveries", "Deliveries that such a statement got.", bounds=SIZES)
RECORD_SECONDS = Histogram("hookpost_record_seconds", "A statement that records attempts.", bounds=ROUND_TRIP)
RECORD_ATTEMPTS = Histogram("hookpost_record_attempts", "Attempts that such a statement recorded.", bounds=SIZES)
BATCH_EVENTS = Histogram("hookpost_batch_events", "Events of a request that has several in it.", bounds=SIZES)
IN_FLIGHT = Gauge("hookpost_requests_in_flight", "Requests that wait for an answer.")
LANES_IN_HAND = Gauge("hookpost_lanes_in_hand", "Lanes that this process has leased.")
LEASES_LOST = Counter("hookpost_leases_lost_total", "Lanes that another worker took over from this one.")
POLLS_WAITING = Gauge("hookpost_polls_waiting", "Polls that wait for something to be due.")

# The parts that everything stands on.
BROKER_FAILURES = Counter("hookpost_broker_failures_total", "Times that ringing failed: the broker is away or full.")
DATABASE_ERRORS = Counter(
    "hookpost_database_errors_total",
    "Errors of the database that no statement is to blame for.",
    label="kind",
    values=("connect", "timeout", "statement"),
)
ISSUER_FAILURES = Counter("hookpost_issuer_failures_total", "Times that the keys of the token issuer could not be had.")
CLOCK_OFFSET = Gauge("hookpost_clock_offset_seconds", "How far this host's clock is ahead of the database's.")
DRAINING = Gauge("hookpost_draining", "1 in a process that was told to end.")

# The dispatcher.
LEADER = Gauge("hookpost_leader", "1 in the process whose dispatcher leads.")
ROUND_SECONDS = Histogram("hookpost_dispatcher_round_seconds", "One round of the leader.", bounds=ROUND_TRIP)
ROUND_FAILURES = Counter("hookpost_dispatcher_failures_total", "Parts of a leader's round that failed.")
PARTITIONS_DROPPED = Counter("hookpost_partitions_dropped_total", "Tables of days beyond the retention that went.")
UNDELIVERED_DROPPED = Counter(
    "hookpost_undelivered_dropped_total", "Deliveries that went with their day while still due or held."
)
ROWS_PURGED = Counter("hookpost_rows_purged_total", "Rows of other tables that were forgotten.")
MAIL_FAILURES = Counter("hookpost_mail_failures_total", "Times that the mail server took no letter.")
