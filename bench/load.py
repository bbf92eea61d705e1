"""The callers: as fast as some connections go, or at a fixed rate whatever the answers are.

What lives here: an open and a closed loop over libcurl, and wrk where it is installed. It must not know the
product, only an address, headers and bodies.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pycurl

WRK = """
wrk.method = "POST"
wrk.body = [=[{body}]=]
{headers}
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """One request: when it was due to be sent, when the answer was there (Unix seconds), and the answer's body."""

    sent: float
    answered: float
    status: int
    body: bytes


def fastest(url: str, *, headers: Sequence[str], body: bytes, seconds: float, connections: int, folder: Path) -> float:
    """Return accepted requests per second over some connections."""
    if shutil.which("wrk"):
        return _wrk(url, headers=headers, body=body, seconds=seconds, connections=connections, folder=folder)
    started = time.monotonic()
    answers = send(url, headers=headers, bodies=[body], seconds=seconds, connections=connections)
    assert all(each.status == 202 for each in answers)
    return len(answers) / (time.monotonic() - started)


def _wrk(url: str, *, headers: Sequence[str], body: bytes, seconds: float, connections: int, folder: Path) -> float:
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in (line.split(": ", 1) for line in headers)]
    script = folder / "wrk.lua"
    script.write_text(WRK.format(body=body.decode(), headers="\n".join(lines)))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{int(seconds)}s", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found is not None, said
    return float(found[1])


def send(
    url: str,
    *,
    headers: Sequence[str],
    bodies: Sequence[bytes],
    seconds: float,
    connections: int = 64,
    rate: float | None = None,
) -> list[Answered]:
    """Send for some seconds, at a fixed rate or as fast as the connections go, and return all answers.

    The bodies are sent in turn. At a fixed rate a request's time is when it was due, so that waiting for a free
    connection counts.
    """
    multi, idle = pycurl.CurlMulti(), deque(_handle(url, headers) for _ in range(connections))
    answers: list[Answered] = []
    flying: dict[pycurl.Curl, tuple[float, list[bytes]]] = {}
    begin, started = time.time(), 0
    while True:
        now = time.time()
        over = now - begin >= seconds
        due = 0 if over else (1 + int((now - begin) * rate) if rate else started + len(idle))
        while idle and started < due:
            curl, chunks = idle.popleft()
            chunks.clear()
            curl.setopt(pycurl.POSTFIELDS, bodies[started % len(bodies)])
            flying[curl] = (begin + started / rate if rate else now, chunks)
            multi.add_handle(curl)
            started += 1
        if over and not flying:
            return answers
        if flying:
            multi.select(0.001 if rate else 0.05)
        elif rate:
            time.sleep(max(0.0, begin + started / rate - time.time()))  # select would return at once
        multi.perform()
        answers += _collect(multi, flying, idle)


def _collect(multi: pycurl.CurlMulti, flying: dict, idle: deque) -> list[Answered]:  # type: ignore[type-arg]
    answers = []
    queued = 1
    while queued:
        queued, finished, failed = multi.info_read()
        assert not failed, failed
        for curl in finished:
            multi.remove_handle(curl)
            sent, chunks = flying.pop(curl)
            answers.append(Answered(sent, time.time(), curl.getinfo(pycurl.RESPONSE_CODE), b"".join(chunks)))
            idle.append((curl, chunks))
    return answers


def _handle(url: str, headers: Sequence[str]) -> tuple[pycurl.Curl, list[bytes]]:
    chunks: list[bytes] = []
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.HTTPHEADER, [*headers, "Expect:"])
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.WRITEFUNCTION, chunks.append)
    return curl, chunks
