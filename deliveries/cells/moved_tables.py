"""Which rows are a customer's, table by table, and how those that the destination has already are written over.

What lives here: data. Conditions name the row `r` and the customer `%(customer)s`; a test compares the tables with the
database's, so that a new one is decided upon. It must not know how rows are copied.
"""

from __future__ import annotations

from dataclasses import dataclass

FAR = "9999-01-01T00:00:00Z"  # until then nobody takes a lane that nobody holds

OF_CUSTOMER = "r.customer_id = %(customer)s"
OF_ENDPOINTS = "r.endpoint_id IN (SELECT id FROM hookpost_endpoint WHERE customer_id = %(customer)s)"
OF_HOURS = (  # its endpoints, and their sums
    "r.endpoint_id IN (SELECT id FROM hookpost_endpoint WHERE customer_id = %(customer)s UNION ALL SELECT %(customer)s)"
)
OF_USERS = "IN (SELECT user_id FROM hookpost_member WHERE customer_id = %(customer)s)"
OF_OTHERS = "IN (SELECT user_id FROM hookpost_member WHERE customer_id <> %(customer)s)"
OF_MEMBERS = "r.member_id IN (SELECT id FROM hookpost_member WHERE customer_id = %(customer)s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of a customer in one table. `key` is what a row is known again by; without one a row is never changed.

    `sealed` are its columns under the keyring. `exact`: what the source has no more goes from the destination too.
    """

    name: str
    where: str
    key: str = ""
    sealed: tuple[str, ...] = ()
    exact: bool = False

    @property
    def incoming(self) -> str:
        """The table of one session in which rows arrive."""
        return f"incoming_{self.name.removeprefix('hookpost_')}"


CUSTOMER = Table(name="hookpost_customer", where="r.id = %(customer)s", key="id")
MEMBERS = Table(name="hookpost_member", where=OF_CUSTOMER, key="id", exact=True)
SECOND_FACTORS = Table(name="hookpost_second_factor", where=f"r.user_id {OF_USERS}", key="user_id", sealed=("sealed",))
LANES = Table(name="hookpost_lane", where=OF_ENDPOINTS, key="endpoint_id")

# In this order: each refers to those before it.
SETTINGS = (
    Table(name="hookpost_event_type", where=OF_CUSTOMER, key="id", exact=True),
    Table(name="hookpost_endpoint", where=OF_CUSTOMER, key="id", sealed=("headers_sealed", "credentials_sealed")),
    Table(name="hookpost_endpoint_secret", where=OF_ENDPOINTS, key="id", sealed=("sealed",), exact=True),
    Table(name="hookpost_brand_picture", where=OF_CUSTOMER, key="id", exact=True),
    Table(name="hookpost_api_key", where=OF_CUSTOMER, key="id", exact=True),
    Table(name="hookpost_audit_entry", where=OF_CUSTOMER),
    Table(name="hookpost_endpoint_hour", where=OF_HOURS, key="endpoint_id, hour, error, status_code"),
    Table(name="hookpost_failure_group", where=OF_CUSTOMER, key="endpoint_id, error, status_code"),
)
LINKS = Table(name="hookpost_portal_link", where=OF_MEMBERS, key="id", exact=True)

# Once nothing is sent or accepted in the source any more: what its dispatcher and its pollers still changed.
LAST = (
    Table(name="hookpost_alert", where=OF_ENDPOINTS),
    Table(name="hookpost_challenge", where=OF_ENDPOINTS, key="endpoint_id"),
    Table(name="hookpost_retest", where=OF_ENDPOINTS, key="endpoint_id"),
    Table(name="hookpost_poll_lease", where=OF_ENDPOINTS, key="id"),
)

EVENTS = Table(name="hookpost_event", where=OF_CUSTOMER)
DELIVERIES = Table(name="hookpost_delivery", where=OF_CUSTOMER, key="id")
ATTEMPTS = Table(name="hookpost_attempt", where=OF_ENDPOINTS)
KEYS = Table(name="hookpost_idempotency_key", where=OF_CUSTOMER, key="owner_id, key")
DUE = Table(name="hookpost_due_delivery", where=OF_ENDPOINTS)

ALL = (CUSTOMER, *SETTINGS, MEMBERS, SECOND_FACTORS, LINKS, LANES, *LAST, EVENTS, DELIVERIES, ATTEMPTS, KEYS, DUE)

# What stays where it is, and why.
LEFT_BEHIND = {
    "hookpost_access_token": "the other cell fetches its own",
    "hookpost_api_version": "the cell's: nobody moves where it is another (agreement.py)",
    "hookpost_version_change": "the cell's, as its version",
    "hookpost_api_rate": "a minute's count of requests",
    "hookpost_fan_out": "ended before the customer is closed",
    "hookpost_invitation": "its link is signed by the cell: invite again",
    "hookpost_import_line": "goes with its job",
    "hookpost_password_mail": "its link is signed by the cell: ask again",
    "hookpost_log_in": "staff are the cell's; who chose a language chooses it again",
    "hookpost_staff_identity": "staff are the cell's",
    "hookpost_job": "none is under way; what they did is in the log",
    "hookpost_leader": "the cell's",
    "hookpost_reporter": "the cell's",
    "hookpost_unbroken": "the server's",
    "hookpost_watermark": "the cell's",
    "hookpost_worker": "the cell's",
}
