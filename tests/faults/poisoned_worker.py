"""A worker that dies of certain events: `manage.py worker` whose process ends the moment it is to send one.

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
    from deliveries.outbound.multi import Transfers

    start = Transfers.start

    def start_or_die(self: Transfers, request: Any, **rest: Any) -> Any:
        if POISON.encode() in request.body:
            os._exit(139)
        return start(self, request, **rest)

    Transfers.start = start_or_die  # type: ignore[method-assign]
    call_command("worker")


if __name__ == "__main__":
    main()
