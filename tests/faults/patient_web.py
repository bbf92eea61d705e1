"""A web server that would wait without end for its broker and its database: `manage.py web` but for that.

Run as `python -m tests.faults.patient_web --port N`. Who is answered by it while the broker is frozen did not wait; and
it stays ready on a machine that stands still.
"""

from __future__ import annotations

import os
import sys

import django
from django.core.management import call_command

from config import redis_client
from deliveries.database import limits

NO_END_SECONDS = 86_400.0
answered_within = limits.answered_within
# Here, and not in `main`: processes that serve import this, before what takes these by name.
redis_client.redis_client.__kwdefaults__["timeout_seconds"] = NO_END_SECONDS
limits.answered_within = lambda seconds, *, urgent=False: answered_within(NO_END_SECONDS, urgent=urgent)


def main() -> None:
    """Serve."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    call_command("web", *sys.argv[1:])


if __name__ == "__main__":
    main()
