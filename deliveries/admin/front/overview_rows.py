"""The rows of the front page's tables, and of what fails: cells as HTML, for a template takes thrice as long.

What lives here: from a row of the database to one of a page. It must not know which rows are shown.
"""

from __future__ import annotations

from uuid import UUID

from django.template.defaultfilters import capfirst, truncatechars
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from deliveries.admin.parts.badges import NOTHING, answer_of, moment, state_word
from deliveries.admin.parts.page_addresses import address_of
from deliveries.admin.parts.pieces import piece
from deliveries.models import Alert
from deliveries.protocol.writing.ids import DELIVERY, ENDPOINT, encode_id
from deliveries.services.common.languages import in_words, tell
from deliveries.services.resending.failure_groups import FailingEndpoint
from deliveries.sql.summary_rows import NewestAlertsRow, NewestGivenUpRow, NewestStoppedRow

NAME_LENGTH = 60
LINK = '<a class="hp-link hp-code" href="{}">{}</a>'


def alert_row(row: NewestAlertsRow, *, site_name: str, with_customer: bool) -> SafeString:
    """When, what, where, whose, why, and whether somebody was written to."""
    where: SafeString | str = row.url or gettext("all")
    if row.endpoint_id and not row.is_deleted:
        where = piece('<a class="hp-link" href="{}">{}</a>', _address(site_name, row.endpoint_id), where)
    return piece(
        '<tr><td class="whitespace-nowrap">{}</td><td>{}</td><td class="hp-code">{}</td>{}<td>{}</td>'
        '<td class="whitespace-nowrap">{}</td></tr>',
        moment(row.created_at),
        Alert.Kind(row.kind).label,
        where,
        _name(row.customer or NOTHING) if with_customer else "",
        in_words(row.reason) or NOTHING,
        _mailed(row),
    )


def _mailed(row: NewestAlertsRow) -> SafeString | str:
    if row.mailed_at:
        return moment(row.mailed_at)
    return gettext("waits") if row.mail_due_at else gettext("nobody to write to")


def stopped_row(row: NewestStoppedRow, *, site_name: str, with_customer: bool) -> SafeString:
    """Since when, how, where, whose and why."""
    return piece(
        '<tr><td class="whitespace-nowrap">{}</td><td>{}</td><td>{}</td>{}<td>{}</td></tr>',
        moment(row.state_changed_at),
        state_word(row.state),
        piece(LINK, _address(site_name, row.id), row.url),
        _name(row.customer) if with_customer else "",
        in_words(row.state_reason) or NOTHING,
    )


def given_up_row(row: NewestGivenUpRow, *, site_name: str, with_customer: bool) -> SafeString:
    """When, what, where, whose, and the last answer."""
    url = address_of(f"{site_name}:deliveries_delivery_change", [encode_id(DELIVERY, row.id)])
    return piece(
        '<tr><td class="whitespace-nowrap"><a class="hp-link" href="{}">{}</a></td><td class="hp-code">{}</td>'
        '<td class="hp-code">{}</td>{}<td>{}</td></tr>',
        url,
        moment(row.failed_at),
        row.event_type,
        row.url,
        _name(row.customer) if with_customer else "",
        answer_of(row),
    )


def failing_row(
    found: FailingEndpoint, *, url: str, state: SafeString, arrivals: str, customer_url: str, with_url: bool
) -> SafeString:
    """What, where, whether anything arrives there, whose, how it stands, how much, since when and until when."""
    row, customer = found.row, ""
    if customer_url:
        name = row.customer
        form = '<td><a class="hp-link" href="{}" title="{}">{}</a></td>'
        customer = piece(form, customer_url, name, _short(name))
    return piece(
        '<tr><td><a class="hp-link" href="{}">{}</a>{}{}</td>{}<td>{}</td><td>{}</td>'
        '<td class="whitespace-nowrap">{}</td><td>{}</td></tr>',
        url,
        capfirst(in_words(found.advice.says)),
        piece('<p class="hp-code">{}</p>', row.url) if with_url else "",
        piece('<p class="hp-muted">{}</p>', arrivals) if arrivals else "",
        customer,
        state,
        tell("{number}", number=row.deliveries),
        moment(row.first_at),
        moment(row.last_at, relative=True),
    )


def _address(site_name: str, endpoint_id: UUID) -> str:
    return address_of(f"{site_name}:deliveries_endpoint_change", [encode_id(ENDPOINT, endpoint_id)])


def _name(name: str) -> SafeString:
    return piece("<td>{}</td>", _short(name))


def _short(name: str) -> str:
    is_short = name.isascii() and len(name) <= NAME_LENGTH
    return name if is_short else str(truncatechars(name, NAME_LENGTH))
