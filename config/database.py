"""DATABASE_URL as Django wants it.

What lives here: the translation and the connection options. It must not know any table.
"""

from __future__ import annotations

import re

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from deliveries.database.connection import defaults
from deliveries.errors import WrongSetting
from deliveries.protocol.writing.torn_urls import refuse_torn_database

ESCAPES = "in a password /, #, @, :, % and ? are written %2F, %23, %40, %3A, %25 and %3F"

NOT_READ = f"DATABASE_URL: not a PostgreSQL URL; {ESCAPES}"
UNKNOWN_OPTION = re.compile(r'invalid URI query parameter: "(\w+)"')


def database_settings(url: str) -> dict[str, object]:
    """One entry of DATABASES; every parameter of libpq in the URL is kept."""
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError as error:  # whose message may show the password
        raise WrongSetting(_sentence_of(error, url=url)) from None
    if not parts.get("dbname"):
        raise WrongSetting("DATABASE_URL: names no database")
    named = {key: str(parts.pop(key, None) or "") for key in ("dbname", "user", "password", "host", "port")}
    try:
        refuse_torn_database(url, named)
    except ValueError:
        raise WrongSetting(NOT_READ) from None
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


def _sentence_of(error: ProgrammingError, *, url: str) -> str:
    """Name an option that is misspelt; what stands before an @ may be a part of the password."""
    option = UNKNOWN_OPTION.search(str(error))
    if option is None or "@" in url.rpartition("?")[2]:
        return NOT_READ
    return f"DATABASE_URL: {option[1]} is no option of PostgreSQL's connections; see its documentation of libpq"
