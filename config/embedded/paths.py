"""Where the embedded services keep their files and sockets.

What lives here: paths derived from the data folder alone, so that every process finds the same
services without being told. It must not know how a service is started.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

from deliveries.errors import CannotStart

SOCKET_PATH_LIMIT = 107
LONGEST_SOCKET_NAME = "/.s.PGSQL.5432.lock"


def absolute(data_dir: str | Path) -> Path:
    """The data folder as an absolute path; a relative one counts from the checkout, not from the caller."""
    checkout = Path(__file__).resolve().parents[2]
    return Path(os.path.normpath(checkout / Path(data_dir).expanduser()))


def socket_dir(data_dir: str | Path) -> Path:
    """The folder of both sockets: in the data folder, or a short private one where that path is too long."""
    inside = absolute(data_dir) / "run"
    if len(os.fsencode(f"{inside}{LONGEST_SOCKET_NAME}")) <= SOCKET_PATH_LIMIT:
        return inside
    return short_home(data_dir) / "run"


def short_home(data_dir: str | Path) -> Path:
    """A folder with a short path that belongs to this user and this data folder only."""
    digest = hashlib.sha256(os.fsencode(absolute(data_dir))).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"hookpost-{os.getuid()}-{digest}"


def make_private(folder: Path) -> Path:
    """Create a folder for this user alone; refuse one that somebody else put there before us."""
    make_folder(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise CannotStart(f"{folder} belongs to somebody else; set HOOKPOST_DATA to another folder")
    folder.chmod(0o700)
    return folder


def make_folder(folder: Path) -> Path:
    """Create a folder and those above it, or say why that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"{folder}: {error.strerror}; set HOOKPOST_DATA to another folder") from error
    return folder


def database_url(data_dir: str | Path) -> str:
    """The URL of the embedded PostgreSQL, whether it runs or not."""
    return f"postgresql:///hookpost?host={quote(str(socket_dir(data_dir)), safe='/')}&user=hookpost"


def broker_url(data_dir: str | Path) -> str:
    """The URL of the embedded Valkey, whether it runs or not."""
    return f"unix://{quote(str(socket_dir(data_dir)), safe='/')}/valkey.sock?db=0"
