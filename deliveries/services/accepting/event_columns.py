"""What is stored of events, as the statements that accept them take it: a list for each column, or the values of one.

What lives here: from values to columns. It changes with the statements, and knows neither transactions nor errors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from deliveries.conf import conf
from deliveries.protocol.events.event_types import matching_keys

if TYPE_CHECKING:
    from deliveries.services.accepting.event_store import Entry, FanOutLimits

# A number that PostgreSQL would read as too long for its type, and end the statement.
_UNFIT = re.compile(rb"[\s:,\[]-?[0-9][0-9.]*+[eE][+-]?[0-9]{4}|(?<![0-9])[0-9]{8000}")


def lone_columns(entry: Entry, limits: FanOutLimits) -> dict[str, object]:
    """Return what sql/accept_event.sql and sql/accept_keyed_event.sql take."""
    draft = entry.draft
    return {
        "event_id": entry.event_id,
        "customer": draft.customer_id,
        "customer_uid": draft.customer_uid,
        "type": draft.type,
        "type_keys": " ".join(matching_keys(draft.type)),
        "body": entry.body,
        "emitter": draft.emitter_id,
        "api_key": draft.api_key_id,
        "trace_context": draft.trace_context,
        "tags": " ".join(draft.tags) if draft.tags else None,
        "api_version": entry.api_version,
        "owner": draft.owner_id,
        "key": draft.idempotency_key,
        "fingerprint": draft.fingerprint,
        "endpoint_limit": min(limits.endpoint_limit, limits.row_limit),
    } | _settings()


def event_columns(group: Sequence[Entry], limits: FanOutLimits, only_endpoint: UUID | None) -> dict[str, object]:
    """Return what sql/accept_events.sql takes."""
    drafts = [entry.draft for entry in group]
    return {
        "ids": [entry.event_id for entry in group],
        "customers": [draft.customer_id for draft in drafts],
        "customer_uids": [draft.customer_uid for draft in drafts],
        "types": [draft.type for draft in drafts],
        "type_keys": [" ".join(matching_keys(draft.type)) for draft in drafts],
        "bodies": [entry.body for entry in group],
        "filterable": [_UNFIT.search(entry.body) is None for entry in group],
        "emitters": [draft.emitter_id for draft in drafts],
        "owners": [draft.owner_id for draft in drafts],
        "keys": [draft.idempotency_key for draft in drafts],
        "fingerprints": [draft.fingerprint for draft in drafts],
        "api_keys": [draft.api_key_id for draft in drafts],
        "deliver_ats": [entry.deliver_at for entry in group],
        "trace_contexts": [draft.trace_context for draft in drafts],
        "tags": [" ".join(draft.tags) if draft.tags else None for draft in drafts],
        "api_versions": [entry.api_version for entry in group],
        "other_shapes": [" ".join(entry.other_shapes) if entry.other_shapes else None for entry in group],
        "only_endpoint": only_endpoint,
    } | (limits.parameters() | _settings())


def _settings() -> dict[str, object]:
    return {
        "clock_tolerance_seconds": float(conf.clock_tolerance_seconds),
        "reject_unknown": conf.unknown_event_types == "reject",
    }
