"""A worker whose threads for jobs take their time: when it is told to stop they end once a file is there.

Run as `python -m tests.faults.late_worker FILE`. It stands for a step of a job that waits for the database.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

POLL_SECONDS = 0.02


def main(file: Path) -> None:
    """Work until told to stop."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    from deliveries.management.commands import worker

    stop_workers = worker.stop_workers

    def stop_late(workers: Any) -> None:
        while not file.exists():
            time.sleep(POLL_SECONDS)
        stop_workers(workers)

    worker.stop_workers = stop_late
    call_command("worker")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
