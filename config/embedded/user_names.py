"""A name for a user that /etc/passwd does not know, as with `docker run --user 12345`: initdb insists on one.

What lives here: a folder in which such a user has a name. It must not know PostgreSQL.

A program finds names by the C library, which cannot be told to look elsewhere. So it gets a copy of the library in
which `/etc/passwd` reads `passwd-file`, of the same length, and is run in the folder that holds this file.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from config.embedded import paths
from deliveries.errors import CannotStart

LIBRARY = "libc.so.6"
REPLACED, REPLACEMENT = b"/etc/passwd\0", b"passwd-file\0"
assert len(REPLACED) == len(REPLACEMENT)


def has_name() -> bool:
    """Whether the user that we are is known by name."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def make_known(folder: Path) -> Path:
    """Make the folder; a program that runs in it and loads its libraries from it finds a name for us."""
    paths.make_private(folder)
    library = loaded_library().read_bytes()
    if library.count(REPLACED) != 1:
        raise CannotStart(nameless())
    copy = folder / LIBRARY
    copy.write_bytes(library.replace(REPLACED, REPLACEMENT))
    copy.chmod(0o700)
    (folder / REPLACEMENT[:-1].decode()).write_text(f"hookpost:x:{os.geteuid()}:{os.getegid()}::/:/usr/sbin/nologin\n")
    return folder


def loaded_library() -> Path:
    """The file of the C library that this process runs with."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line[line.find("/") :]
        if path.endswith(f"/{LIBRARY}"):
            return Path(path)
    raise CannotStart(nameless())


def nameless() -> str:
    """What to do where no name can be given."""
    return (
        f"user {os.geteuid()} is not in /etc/passwd, and initdb wants a name: run as a known user, or set DATABASE_URL"
    )
