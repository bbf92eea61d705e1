"""DATABASE_URL as Django wants it.

What lives here: the translation and the connection options. It must not know any table.
"""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from deliveries.database.connection import defaults
from deliveries.errors import WrongSetting

ESCAPES = "in a password /, #, @, :, % and ? are written %2F, %23, %40, %3A, %25 and %3F"

PORT_LIMIT = 65536
NOT_READ = f"DATABASE_URL: not a PostgreSQL URL; {ESCAPES}"


def database_settings(url: str) -> dict[str, object]:
    """One entry of DATABASES; every parameter of libpq in the URL is kept."""
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:  # whose message may show the password
        raise WrongSetting(NOT_READ) from None
    if not parts.get("dbname"):
        raise WrongSetting("DATABASE_URL: names no database")
    named = {key: str(parts.pop(key, None) or "") for key in ("dbname", "user", "password", "host", "port")}
    _refuse_torn(url, named)
    return {
        "ENGINE": "deliveries.database",
        "NAME": named["dbname"],
        "USER": named["user"],
        "PASSWORD": named["password"],
        "HOST": named["host"],
        "PORT": named["port"],
        "CONN_MAX_AGE": None,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # behind a pooler the next fetch may come to another session
        "OPTIONS": {"application_name": "hookpost", **defaults(), **parts},
    }


def _refuse_torn(url: str, named: Mapping[str, str]) -> None:
    """Refuse a URL that libpq divides at a sign of the password: name servers and logs would get the rest of that."""
    is_in_host = any("@" in each[1:] for each in named["host"].split(","))  # the first one is of an abstract socket
    is_in_name = "@" in named["dbname"] and "%40" not in url
    ports = [each for each in named["port"].split(",") if each]
    if is_in_host or is_in_name or not all(each.isdecimal() and 0 < int(each) < PORT_LIMIT for each in ports):
        raise WrongSetting(NOT_READ)
