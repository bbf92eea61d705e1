"""The rows of the front page's tables, and of what fails: cells as HTML, for a template takes thrice as long.

What lives here: from a row of the database to one of a page. It must not know which rows are shown.
"""

from __future__ import annotations

from django.template.defaultfilters import capfirst, truncatechars
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from deliveries.admin.badges import NOTHING, answer_of, moment, state_word
from deliveries.admin.page_addresses import address_of
from deliveries.admin.pieces import piece
from deliveries.models import Alert, Delivery, Endpoint
from deliveries.services.failure_groups import Failing
from deliveries.services.languages import in_words, tell

NAME_LENGTH = 60
LINK = '<a class="hp-link hp-code" href="{}">{}</a>'


def alert_row(row: Alert, *, site_name: str, with_customer: bool) -> SafeString:
    """When, what, where, whose, why, and whether somebody was written to."""
    endpoint = row.endpoint
    where: SafeString | str = endpoint.url if endpoint else gettext("all")
    if endpoint and not endpoint.deleted_at:
        where = piece('<a class="hp-link" href="{}">{}</a>', _address(site_name, endpoint), where)
    return piece(
        '<tr><td class="whitespace-nowrap">{}</td><td>{}</td><td class="hp-code">{}</td>{}<td>{}</td>'
        '<td class="whitespace-nowrap">{}</td></tr>',
        moment(row.created_at),
        Alert.Kind(row.kind).label,
        where,
        _name(endpoint.customer.name if endpoint else NOTHING) if with_customer else "",
        in_words(row.reason) or NOTHING,
        _mailed(row),
    )


def _mailed(row: Alert) -> SafeString | str:
    if row.mailed_at:
        return moment(row.mailed_at)
    return gettext("waits") if row.mail_due_at else gettext("nobody to write to")


def stopped_row(row: Endpoint, *, site_name: str, with_customer: bool) -> SafeString:
    """Since when, how, where, whose and why."""
    return piece(
        '<tr><td class="whitespace-nowrap">{}</td><td>{}</td><td>{}</td>{}<td>{}</td></tr>',
        moment(row.state_changed_at),
        state_word(row.state),
        piece(LINK, _address(site_name, row), row.url),
        _name(row.customer.name) if with_customer else "",
        in_words(row.state_reason) or NOTHING,
    )


def given_up_row(row: Delivery, *, site_name: str, with_customer: bool) -> SafeString:
    """When, what, where, whose, and the last answer."""
    url = address_of(f"{site_name}:deliveries_delivery_change", [row.public_id])
    return piece(
        '<tr><td class="whitespace-nowrap"><a class="hp-link" href="{}">{}</a></td><td class="hp-code">{}</td>'
        '<td class="hp-code">{}</td>{}<td>{}</td></tr>',
        url,
        moment(row.failed_at),
        row.event_type,
        row.endpoint.url,
        _name(row.customer.name) if with_customer else "",
        answer_of(row),
    )


def failing_row(
    found: Failing, *, url: str, state: SafeString, arrivals: str, customer_url: str, with_url: bool
) -> SafeString:
    """What, where, whether anything arrives there, whose, how it stands, how much, since when and until when."""
    row, customer = found.row, ""
    if customer_url:
        name = row.endpoint.customer.name
        form = '<td><a class="hp-link" href="{}" title="{}">{}</a></td>'
        customer = piece(form, customer_url, name, _short(name))
    return piece(
        '<tr><td><a class="hp-link" href="{}">{}</a>{}{}</td>{}<td>{}</td><td>{}</td>'
        '<td class="whitespace-nowrap">{}</td><td>{}</td></tr>',
        url,
        capfirst(in_words(found.advice.says)),
        piece('<p class="hp-code">{}</p>', row.endpoint.url) if with_url else "",
        piece('<p class="hp-muted">{}</p>', arrivals) if arrivals else "",
        customer,
        state,
        tell("{number}", number=row.deliveries),
        moment(row.first_at),
        moment(row.last_at, relative=True),
    )


def _address(site_name: str, endpoint: Endpoint) -> str:
    return address_of(f"{site_name}:deliveries_endpoint_change", [endpoint.public_id])


def _name(name: str) -> SafeString:
    return piece("<td>{}</td>", _short(name))


def _short(name: str) -> str:
    is_short = name.isascii() and len(name) <= NAME_LENGTH
    return name if is_short else str(truncatechars(name, NAME_LENGTH))
