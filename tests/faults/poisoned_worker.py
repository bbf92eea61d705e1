"""A worker that dies of certain events: `manage.py worker` whose process ends the moment it prepares one to be sent.

Run as `python -m tests.faults.poisoned_worker`. It stands for a crash in C code, or a memory limit: nothing is
caught, recorded or given back.
"""

from __future__ import annotations

import os
from typing import Any

import django
from django.core.management import call_command

POISON = "poison.pill"


def main() -> None:
    """Work until an event of that type comes."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    from deliveries.services import engine

    prepare = engine.prepare_delivery

    def prepare_or_die(claimed: Any, **rest: Any) -> Any:
        if claimed.type == POISON:
            os._exit(139)
        return prepare(claimed, **rest)

    engine.prepare_delivery = prepare_or_die
    call_command("worker")


if __name__ == "__main__":
    main()
