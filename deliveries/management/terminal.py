"""Who sits at the terminal, as the audit trail names people, and whom they name."""

from __future__ import annotations

import getpass

from django.core.management.base import CommandError

from deliveries.api.lookups import find_customer
from deliveries.errors import NotFound
from deliveries.models import Customer
from deliveries.models.visible import OPERATOR
from deliveries.services.common.audit import actor_of_user


def actor_of_terminal() -> str:
    """Return the actor of a command."""
    try:
        return actor_of_user(getpass.getuser())
    except (KeyError, OSError):  # a uid without a name
        return actor_of_user("command line")


def customer_named(ref: object) -> Customer | None:
    """Return the customer of an option, by id or uid; None when it was not given. Raises CommandError, for "" too."""
    if ref is None:
        return None
    try:
        return find_customer(OPERATOR, str(ref))
    except NotFound as error:
        raise CommandError(f"there is no customer {ref}") from error
