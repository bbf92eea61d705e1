"""The session key and the keyring for secrets at rest.

What lives here: taking them from the settings or, for the embedded default only, making them once
and keeping them in the data folder. It must not know what is encrypted with them.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from config.embedded import database_url, paths
from deliveries.conf import Conf, load
from deliveries.errors import WrongSetting

KEYRING = "HOOKPOST_ENCRYPTION_KEYS"


def is_embedded(conf: Conf) -> bool:
    """Whether the database is the embedded one, named or not."""
    return conf.database_url in ("", database_url(conf.data_dir))


def secret_key(conf: Conf) -> str:
    """The key that signs sessions and links."""
    return conf.secret_key or kept(conf, "HOOKPOST_SECRET_KEY", lambda: secrets.token_urlsafe(50))


def encryption_keys(conf: Conf) -> tuple[tuple[str, str], ...]:
    """The keyring as pairs of id and base64; the first encrypts."""
    return conf.encryption_keys or load({KEYRING: kept(conf, KEYRING, new_ring)}).encryption_keys


def new_ring() -> str:
    """A keyring of one fresh key."""
    return "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()


def kept(conf: Conf, name: str, make: Callable[[], str]) -> str:
    """The value from the data folder, made at the first time; a database of its own wants keys of its own."""
    if not is_embedded(conf):
        raise WrongSetting(f"{name}: must be set when DATABASE_URL is")
    path = paths.make_private(paths.absolute(conf.data_dir) / "keys") / name.lower()
    if not path.exists():
        write_once(path, make())
    return path.read_text().strip()


def write_once(path: Path, text: str) -> None:
    """Write a file readable by us alone; of several processes at the same moment the first one wins."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
