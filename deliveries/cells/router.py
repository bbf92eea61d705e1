"""Telling the router in which cell a customer is: lines of HAProxy's map, in its file and in its memory; nginx' file.

What lives here: the words that stand for a customer in a request, and how a router learns of them. It must not know
what is moved.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from deliveries.errors import Conflict
from deliveries.models import ApiKey, Customer
from deliveries.protocol.writing import ids

ANSWER_SECONDS = 5.0
NGINX_WORDS = ("default", "hostnames", "include", "volatile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Routers:
    """Who is told: map files, HAProxy's admin sockets, and a command that has files read again."""

    maps: Sequence[Path] = ()
    nginx_maps: Sequence[Path] = ()
    sockets: Sequence[Path] = ()
    then: str = ""

    def tell(self, words: Iterable[str], cell: str) -> None:
        """Have requests with one of these words go to the cell; raises Conflict where a router does not take it."""
        known = sorted(words)
        for path in self.nginx_maps:
            _refuse_other_spellings(path, known)
        for path in self.maps:
            write_map(path, known, lambda word: f"{word} {cell}")
        for path in self.nginx_maps:
            write_map(path, [*map(nginx_word, known)], lambda word: f"{word} {cell};")
        for path in self.sockets:
            for file in self.maps:
                for word in known:
                    _tell_haproxy(path, file, word, cell)
        if self.then and subprocess.run(self.then, shell=True, check=False).returncode:  # noqa: S602  # the operator's own
            raise Conflict(f"{self.then!r} failed: mend it and run the same command again")


def words_of(customer_id: UUID) -> set[str]:
    """Return what names a customer in a request: its id, its uid, and of its keys the SHA-256 in hexadecimal digits."""
    uids = Customer.objects.filter(id=customer_id).exclude(uid=None).values_list("uid", flat=True)
    keys = ApiKey.objects.filter(customer_id=customer_id, revoked_at=None).values_list("hashed", flat=True)
    return {ids.encode_id(ids.CUSTOMER, customer_id), *map(str, uids), *(bytes(hashed).hex() for hashed in keys)}


def write_map(path: Path, words: Sequence[str], line_of: Callable[[str], str]) -> None:
    """Write lines for these words in place of those that were there, at once."""
    kept = [line for line in _lines(path) if line.split(" ")[0] not in words]
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text("\n".join([*kept, *map(line_of, words)]) + "\n")
    if path.exists():
        draft.chmod(path.stat().st_mode)
    draft.replace(path)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.strip()] if path.exists() else []


def nginx_word(word: str) -> str:
    """Escape what means something else at the start of a line. Source: nginx, ngx_http_map_module."""
    return f"\\{word}" if word in NGINX_WORDS else word


def _refuse_other_spellings(path: Path, words: Sequence[str]) -> None:
    """Raise Conflict for a word that nginx, which takes no notice of case, could not tell from another one's."""
    there = {line.split(" ")[0].removeprefix("\\") for line in _lines(path)} - set(words)
    spelled = {word.lower(): word for word in words}
    if same := sorted(word for word in there if word.lower() in spelled):
        raise Conflict(
            f"{path}: nginx cannot tell {spelled[same[0].lower()]!r} from {same[0]!r}; change one of these uids, or"
            " name the customer by its id only and take its line out"
        )


def _tell_haproxy(path: Path, file: Path, word: str, cell: str) -> None:
    """Change a word's line in a running HAProxy, or add it. Source: HAProxy Management Guide, 9.3."""
    if said := _ask(path, f"set map {file} {word} {cell}"):
        said = _ask(path, f"add map {file} {word} {cell}")
    if said:
        raise Conflict(f"HAProxy at {path}: {said}")


def _ask(path: Path, command: str) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(path))
            connection.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(4096), b"")).decode().strip()
    except OSError as error:
        raise Conflict(f"HAProxy at {path} does not answer: {error}") from error
