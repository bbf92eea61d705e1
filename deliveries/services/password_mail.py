"""Links that set a password, by mail: which are due, and what the mail says.

What lives here: the letter; its fate is in mail_rows.py. The link is made here and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AbstractUser

from deliveries.conf import conf
from deliveries.models import PasswordMail
from deliveries.services.alert_letters import plain
from deliveries.services.brands import operator_brand
from deliveries.services.mail_rows import RowLetter, in_paragraphs, is_row_due, send_due_rows
from deliveries.services.password_links import link_parts, site_of
from deliveries.services.role_groups import role_of
from deliveries.services.site_links import url_of


def is_password_due() -> bool:
    """Say whether a link waits to be mailed."""
    return is_row_due(PasswordMail.objects.all())


def send_due_passwords() -> int:
    """Mail the links that are due; returns how many went out."""
    return send_due_rows(PasswordMail.objects.select_related("user"), letter_of)


def letter_of(row: PasswordMail) -> RowLetter:
    """Return the mail with the link."""
    subject = "Your log-in" if row.kind == PasswordMail.Kind.INVITED else "A new password"
    address = getattr(row.user, row.user.get_email_field_name())
    return RowLetter(
        row_id=row.id, to=address, subject=f"[{operator_brand().name}] {subject}", body=in_paragraphs(_lines(row))
    )


def _lines(row: PasswordMail) -> Iterator[str]:
    name = plain(row.user.get_username())
    if row.kind == PasswordMail.Kind.INVITED:
        place = f"the staff site of {operator_brand().name} at {_host()}"
        yield f"You are invited to {place}, as {_role(row.user)}. You log in as {name}."
    else:
        yield f"Somebody, we hope you, asked for a new password of {name} at {_host()}."
    yield url_of(site_of(row.user), "set_password", *link_parts(row.user))
    yield f"The link sets a password, once, within {_lifetime()}. A second factor is asked for as always."
    yield "If you did not expect this, do nothing: without the link nothing happens."


def _host() -> str:
    return plain(urlsplit(conf.base_url).netloc)


def _role(user: AbstractUser) -> str:
    return role_of(user) or "one with permissions of your own"


def _lifetime() -> str:
    hours = int(timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT).total_seconds() // 3600)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
