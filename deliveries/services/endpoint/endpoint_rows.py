"""The row of an endpoint, written: which columns hold its fields, and the rules between them.

What lives here: from fields that were checked one by one to a row that holds together. It must not know who asks, and
writes no audit entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from deliveries.errors import Conflict
from deliveries.models import Endpoint
from deliveries.protocol.sending.inbox import is_inbox
from deliveries.protocol.signing.secrets import SigningKey
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import limits
from deliveries.services.endpoint.endpoint_credentials import COLUMNS, apply_credentials, check_credentials, columns_of
from deliveries.services.endpoint.endpoint_fields import SHAPING, check_shaping
from deliveries.services.endpoint.endpoint_secrets import check_signing, signing_keys
from deliveries.services.endpoint.inboxes import fit_inbox

SIGNED = frozenset({"signing", "headers"})
SENT_ALONG = frozenset({"auth", "headers", "tls", "url"})


def fill_row(endpoint: Endpoint, checked: Mapping[str, Any]) -> None:
    """Give a row its checked fields; saves nothing."""
    for name, value in checked.items():
        if name == "headers":
            endpoint.seal_headers(value)
        elif name not in COLUMNS:
            setattr(endpoint, name, value)
    apply_credentials(endpoint, checked)


def check_new(endpoint: Endpoint, keys: Iterable[SigningKey]) -> None:
    """Refuse a new row whose fields do not go together, or that its keys cannot sign for; raises InvalidInput."""
    check_signing(endpoint, keys)
    check_shaping(endpoint)
    check_credentials(endpoint)


def write_changes(endpoint: Endpoint, checked: Mapping[str, object]) -> list[str]:
    """Save changed fields with those that follow from them; returns the names of all. Raises InvalidInput, Conflict.

    Only the rules of what is changed are held: a rule that came later keeps nobody from changing something else.
    """
    was_inbox, written = is_inbox(endpoint.url), set(checked)
    fill_row(endpoint, checked)
    if was_inbox or is_inbox(endpoint.url):
        limits.lock(endpoint.customer)
        fit_inbox(endpoint, was_inbox=was_inbox)
        written.add("rate_limit")
    if written & SIGNED:
        check_signing(endpoint, signing_keys(endpoint))
    if written & SHAPING:
        check_shaping(endpoint)
    if written & SENT_ALONG:
        check_credentials(endpoint)
    save_row(endpoint, fields=written)
    return sorted(written)


def save_row(endpoint: Endpoint, *, fields: Iterable[str] | None = None) -> None:
    """Save the columns of these fields, or a new row; raises Conflict for a uid that another endpoint has."""
    try:
        with transaction.atomic():
            endpoint.save(update_fields=None if fields is None else [*columns_of(fields), "updated_at"])
    except IntegrityError as error:
        if "endpoint_uid_once_per_customer" not in str(error):
            raise
        raise Conflict(say("there is an endpoint with this uid already")) from error
