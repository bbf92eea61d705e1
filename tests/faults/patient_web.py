"""A web server that would wait for its broker without end, wherever it may take its time: `manage.py web` but for that.

Run as `python -m tests.faults.patient_web --port N`. Who is answered by it while the broker is frozen did not wait.
"""

from __future__ import annotations

import os
import sys

import django
from django.core.management import call_command

from config import redis_client

NO_END_SECONDS = 86_400.0
redis_client.redis_client.__kwdefaults__["timeout_seconds"] = NO_END_SECONDS  # here: processes that serve import this


def main() -> None:
    """Serve."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    call_command("web", *sys.argv[1:])


if __name__ == "__main__":
    main()
