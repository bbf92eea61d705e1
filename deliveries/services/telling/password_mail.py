"""Links that set a password, by mail: which are due, and what the mail says.

What lives here: the letter; its fate is in mail_rows.py. The link is made here and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.utils.translation import gettext

from deliveries.conf import conf
from deliveries.models import PasswordMail
from deliveries.services.common.languages import in_words, language_of, speaking, tell
from deliveries.services.common.site_links import url_of
from deliveries.services.people.brands import operator_brand
from deliveries.services.people.password_links import link_parts, site_of
from deliveries.services.people.role_groups import role_of
from deliveries.services.telling.alert_letters import plain
from deliveries.services.telling.letters import Line, link_line
from deliveries.services.telling.mail_rows import RowLetter, is_row_due, letter_of_lines, send_due_rows


def is_password_due() -> bool:
    """Say whether a link waits to be mailed."""
    return is_row_due(PasswordMail.objects.all())


def send_due_passwords() -> int:
    """Mail the links that are due; returns how many went out."""
    return send_due_rows(PasswordMail.objects.select_related("user"), letter_of)


def letter_of(row: PasswordMail) -> RowLetter:
    """Return the mail with the link, in the language of whom it is for."""
    with speaking(language_of(row.user_id)):
        return _letter_of(row)


def _letter_of(row: PasswordMail) -> RowLetter:
    subject = gettext("Your log-in") if row.kind == PasswordMail.Kind.INVITED else gettext("A new password")
    address = getattr(row.user, row.user.get_email_field_name())
    return letter_of_lines(row.id, address, subject, _lines(row), brand=operator_brand())


def _lines(row: PasswordMail) -> Iterator[str | Line]:
    name = plain(row.user.get_username())
    if row.kind == PasswordMail.Kind.INVITED:
        yield tell(
            "You are invited to the staff site of {brand} at {host}, as {role}. You log in as {name}.",
            brand=operator_brand().name,
            host=_host(),
            role=_role(row.user),
            name=name,
        )
    else:
        yield tell("Somebody, we hope you, asked for a new password of {name} at {host}.", name=name, host=_host())
    yield link_line(url_of(site_of(row.user), "set_password", *link_parts(row.user)), gettext("Set the password"))
    yield tell(
        "The link sets a password, once, within {span}. A second factor is asked for as always.", span=_lifetime()
    )
    yield gettext("If you did not expect this, do nothing: without the link nothing happens.")


def _host() -> str:
    return plain(urlsplit(conf.base_url).netloc)


def _role(user: AbstractUser) -> str:
    return in_words(role_of(user) or "") or gettext("one with permissions of your own")


def _lifetime() -> str:
    hours = int(timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT).total_seconds() // 3600)
    return tell("{number} days", number=hours // 24) if hours >= 48 else tell("{number} hours", number=hours)
