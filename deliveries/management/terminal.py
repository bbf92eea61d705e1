"""Who sits at the terminal, as the audit trail names people."""

from __future__ import annotations

import getpass

from deliveries.services.audit import actor_of_user


def actor_of_terminal() -> str:
    """Return the actor of a command."""
    try:
        return actor_of_user(getpass.getuser())
    except (KeyError, OSError):  # a uid without a name
        return actor_of_user("command line")
