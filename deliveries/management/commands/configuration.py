"""`manage.py configuration`: the list of settings, as it stands in docs/configuration.md.

What lives here: the page, a table for each group, the one of conf.py first. It must not know a setting by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from deliveries.conf import Conf
from deliveries.management.command import HookpostCommand

INTRODUCTION = """\
# Configuration

Everything comes from environment variables, which are read once at start. A wrong value stops the
process with exit code 2 and the name of the variable. Nothing has to be set: without `DATABASE_URL`
and `BROKER_URL` an embedded PostgreSQL and Valkey run in the data folder.

In place of a variable `X` a variable `X_FILE` may name a file that holds its value, as containers have secrets:
`HOOKPOST_SECRET_KEY_FILE=/run/secrets/secret_key`. Setting both is refused.

Quotes around a value are for a shell or systemd, which take them away. Where nobody does, as with
`docker run --env-file` or in such a file, they would belong to it: a value in quotes is refused.

This page is made from `deliveries/conf.py` and the groups beside it, by
`python manage.py configuration > docs/configuration.md`.
"""
TABLE = """
| variable | default | accepted | meaning |
|---|---|---|---|
"""


class Command(HookpostCommand):
    """The list of settings."""

    help = "Print the list of settings as Markdown."

    def handle(self, *args: object, **options: object) -> None:
        """Print the page."""
        self.stdout.write(configuration_page(), ending="")


def configuration_page() -> str:
    """Return the whole page."""
    return INTRODUCTION + "".join(_group(each) for each in Conf.__mro__ if is_dataclass(each))


def _group(of: type) -> str:
    heading = "" if of is Conf else f"\n## {(of.__doc__ or '').rstrip('.')}\n"
    return heading + TABLE + "".join(_row(each.metadata) for each in fields(Conf) if each.name in of.__annotations__)


def _row(about: Mapping[str, Any]) -> str:
    default = f"`{about['default']}`" if about["default"] else "*empty*"
    accepted = (about["parse"].__doc__ or "").replace("|", "\\|")
    return f"| `{about['name']}` | {default} | {accepted} | {about['meaning']} |\n"
