#!/usr/bin/env python
"""The command line: `python manage.py up`, `migrate`, `create_api_key` and all of Django's.

What lives here: the way in, and the end of a start that cannot go on. Without DATABASE_URL or
BROKER_URL the embedded services run as long as the command does. A database that is away or has no
tables yet is one line too, whatever the command; `--traceback` shows where it was asked.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext

from deliveries.errors import CannotStart, WrongSetting
from deliveries.management.collector import look_seldom

WITHOUT_SERVICES = {
    *("help", "version", "up", "demo", "listen", "configuration", "check", "collectstatic", "spectacular"),
    *("makemessages", "compilemessages"),
}


def main(argv: list[str]) -> int:
    """Run one command; a wrong setting is one line and exit code 2."""
    look_seldom()
    stay_in_folder()
    os.environ["DJANGO_SETTINGS_MODULE"] = os.environ.get("DJANGO_SETTINGS_MODULE") or "config.settings"
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without a sign shows another
    try:
        forget_other_databases()
        with services_for(argv):
            from django.core.management import execute_from_command_line

            execute_from_command_line(argv)
    except (WrongSetting, CannotStart) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("error: stopped", file=sys.stderr)
        return 130
    except Exception as error:
        if "--traceback" in argv or not (sentence := explain(error, command=argv[1])):
            raise
        print(f"error: {sentence}", file=sys.stderr)
        return 2
    return 0


def stay_in_folder() -> None:
    """Have packages come from the folder that a link leads to now: an upgrade lets it lead to another one meanwhile."""
    named, real = sys.prefix, os.path.realpath(sys.prefix)
    sys.path[:] = [_moved(each, named, real) for each in sys.path]
    sys.executable = _moved(sys.executable, named, real)
    sys.prefix = sys.exec_prefix = real


def _moved(path: str, named: str, real: str) -> str:
    return f"{real}{path.removeprefix(named)}" if path.startswith(f"{named}/") else path


def explain(error: Exception, *, command: str) -> str:
    """What ails the database or the settings, in a sentence; nothing for any other error, or for a migration's own."""
    module = os.environ["DJANGO_SETTINGS_MODULE"]
    if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
        return f"DJANGO_SETTINGS_MODULE: {module}, of another project, is not here: unset it"
    from django.core.exceptions import ImproperlyConfigured

    from deliveries.services.housekeeping import tables  # not before the settings are known to be right

    if isinstance(error, ImproperlyConfigured):
        return str(error)
    sentence = tables.explain(error)
    return "" if command == "migrate" and sentence == tables.NOT_MIGRATED else sentence


def forget_other_databases() -> None:
    """Take libpq's variables away where our own PostgreSQL runs: a PGPORT of the caller's leads to another one."""
    from deliveries.conf import conf

    for name in () if conf.database_url else [each for each in os.environ if each.startswith("PG")]:
        del os.environ[name]


def services_for(argv: list[str]) -> AbstractContextManager[object]:
    """The embedded services that this command needs, or nothing."""
    from config.embedded import Services
    from deliveries.conf import conf

    asks_for_help = len(argv) < 2 or argv[1].startswith("-") or {"-h", "--help"} & set(argv)
    if asks_for_help or argv[1] in WITHOUT_SERVICES or (conf.database_url and conf.broker_url):
        return nullcontext()
    return Services(conf.data_dir, database=not conf.database_url, broker=not conf.broker_url)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
