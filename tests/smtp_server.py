"""A mail server as small as one can be, on a free port: takes letters, or refuses them as a test says.

What lives here: the server's side of RFC 5321. It must not know what is mailed.
"""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes, policy
from types import TracebackType
from typing import Self


class MailServer:
    """Listens on 127.0.0.1; `refusals` are replies to recipients, and to every sender under "MAIL".

    An empty reply to a recipient hangs up without one.

    `silent` never greets until `speak` is set.
    """

    def __init__(self, *, refusals: dict[str, str] | None = None, silent: bool = False) -> None:
        self.letters: list[tuple[str, bytes]] = []
        self.refusals = refusals or {}
        self.speak = threading.Event()
        self.met = threading.Event()
        if not silent:
            self.speak.set()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"mail": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.speak.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def text_of(raw: bytes) -> str:
    """The plain text of a letter."""
    return _part(raw, "plain")


def html_of(raw: bytes) -> str:
    """The HTML of a letter."""
    return _part(raw, "html")


def _part(raw: bytes, kind: str) -> str:
    part = message_from_bytes(raw, policy=policy.default).get_body((kind,))
    assert part is not None, f"this letter has no {kind} text"
    return str(part.get_content())


class _Handler(socketserver.StreamRequestHandler):
    mail: MailServer

    def handle(self) -> None:
        self.mail.met.set()
        self.mail.speak.wait()
        self.say("220 ready")
        to = ""
        while line := self.rfile.readline().decode().strip():
            word = line[:4].upper()
            if word == "RCPT":
                to = line.partition("<")[2].partition(">")[0]
            if word == "DATA":
                self.say("354 go on")
                self.mail.letters.append((to, self.read_letter()))
            refused = self.mail.refusals.get({"RCPT": to, "MAIL": word}.get(word, ""))
            if refused == "":
                return
            self.say(refused or "250 ok")
            if (refused or "").startswith("421"):
                return

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def read_letter(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        return b"".join(lines)
