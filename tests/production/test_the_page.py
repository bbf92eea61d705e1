"""docs/operations.md and docker/compose.yml, followed to the letter on an empty PostgreSQL and an empty broker.

What lives here: typing what the page says with the addresses of this run, answering what is asked, and one
receiver that verifies what arrives by code that is not ours.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from standardwebhooks import Webhook

from config.embedded import Services
from config.embedded.processes import wait_until
from tests.ports import free_ports
from tests.production.databases import Installation, is_up
from tests.production.servers import SERVERS, running
from tests.receiver import Receiver
from tests.terminals import CHECKOUT, Terminal, answers_in, blocks_of, clean_environment, terminal

PAGE, SECTION = "docs/operations.md", "## From the embedded default to production"
COMPOSE: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker/compose.yml").read_text())
PATIENCE_SECONDS = 180
PASSWORD = "correct horse battery staple"

pytestmark = pytest.mark.skipif(
    None in (shutil.which("curl"), shutil.which("openssl")), reason="the page is for people who have curl and openssl"
)


@pytest.fixture(params=SERVERS)
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    """An empty PostgreSQL and an empty broker."""
    with running(tmp_path_factory.mktemp("servers"), programs=request.param, patch=monkeypatch) as services:
        yield services


@pytest.fixture
def shop() -> Iterator[Receiver]:
    """The customer's receiver."""
    with Receiver(free_ports(1)[0]) as receiver:
        yield receiver


class Page:
    """The blocks of the page, with what is different here: addresses, ports, the file and the interpreter."""

    def __init__(self, folder: Path, *, servers: Services, shop: Receiver) -> None:
        self.file = folder / "hookpost.env"
        (self.port,) = free_ports(1)
        self.changes = {
            "postgresql://hookpost:password@db.internal:5432/hookpost": servers.database_url,
            "redis://valkey.internal:6379/0": servers.broker_url,
            "/etc/hookpost.env": str(self.file),
            "https://receiver.example.com": shop.url,
            ".venv/bin/python": sys.executable,
            "8000": str(self.port),
            "\nEND\n": f"\nHOOKPOST_ALLOW_TARGETS='127.0.0.1/32:{shop.port}'\nEND\n",
            "sleep 5\n": "",
        }
        self.install, self.settings, self.tables, self.web, self.worker, self.event = map(
            self.here, blocks_of(PAGE, SECTION)
        )

    def here(self, block: str) -> str:
        """A block as it is typed here; each change is one that the page calls for."""
        for said, meant in self.changes.items():
            block = block.replace(said, meant)
        return block


def verify(shop: Receiver, *, secret: str) -> Any:
    """The data of the one event that arrived, verified by the reference library."""
    (request,) = shop.wait_for(1, timeout=PATIENCE_SECONDS)
    assert request.path == "/hook"
    return Webhook(secret).verify(request.body, {name.lower(): value for name, value in request.headers})


def answer_prompts(line: str, answers: Mapping[str, str], *, environment: dict[str, str]) -> None:
    """Run a command in a terminal and type an answer after each prompt that ends with these words."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", line], cwd=CHECKOUT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said, waiting = "", dict(answers)
    while True:
        try:
            said += os.read(ours, 4096).decode()
        except OSError:  # the command has ended
            break
        for prompt in [each for each in waiting if each in said]:
            os.write(ours, f"{waiting.pop(prompt)}\n".encode())
            said = ""
    os.close(ours)
    assert process.wait(PATIENCE_SECONDS) == 0, said
    assert not waiting, said


def statuses(shell: Terminal, block: str) -> None:
    """Type each line of a block; each must succeed."""
    for line in block.strip().splitlines():
        said = shell.type(f"{line}\necho status $?", seconds=PATIENCE_SECONDS)
        assert said.endswith("status 0\n\n"), said


def test_the_page_leads_from_nothing_to_a_delivery_that_verifies(
    servers: Services, shop: Receiver, tmp_path: Path
) -> None:
    page = Page(tmp_path, servers=servers, shop=shop)
    with terminal() as shell, terminal() as web, terminal() as worker:
        shell.type(page.settings)
        assert page.file.stat().st_mode & 0o777 == 0o600
        read_file, *commands, ask_person = page.tables.strip().splitlines()
        statuses(shell, "\n".join([read_file, *commands]))
        answers = {"Username": "alice", "Email": "alice@example.com", "Password: ": PASSWORD, "(again)": PASSWORD}
        answer_prompts(f"{read_file}\n{ask_person}", answers, environment=clean_environment())
        for each, block in ((web, page.web), (worker, page.worker)):
            assert each.process.stdin is not None
            each.process.stdin.write(block)
            each.process.stdin.flush()
        assert wait_until(lambda: is_up(page.port), seconds=PATIENCE_SECONDS), list(web.lines.queue)
        calls = page.event.strip().splitlines()
        said = shell.type("\n".join(calls[:-1]), seconds=PATIENCE_SECONDS)
        customer, endpoint, event = answers_in(said)
        assert (customer["uid"], endpoint["uid"], event["deliveries"]) == ("acme", "shop", 1)
        assert verify(shop, secret=endpoint["secret"])["data"] == {"invoice": "inv_1"}
        assert wait_until(
            lambda: answers_in(shell.type(calls[-1]))[0]["results"][0]["state"] == "succeeded", seconds=PATIENCE_SECONDS
        )
    with psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SELECT username, is_superuser FROM auth_user").fetchall() == [("alice", True)]


# --- the compose file


def composed(servers: Services) -> dict[str, str]:
    """The environment of each process: env.example, filled in as it says, and what the compose file makes of it."""
    made = {"POSTGRES_PASSWORD": "hex", "HOOKPOST_SECRET_KEY": "", "HOOKPOST_ENCRYPTION_KEYS": ""}
    lines = (CHECKOUT / "docker/env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    hints = "\n".join(lines)
    for name in ("HOOKPOST_SECRET_KEY", "HOOKPOST_ENCRYPTION_KEYS"):
        (hint,) = re.findall(rf"^# (openssl[^;(\n]*|echo [^;\n]*).*\n{name}=$", hints, re.MULTILINE)
        made[name] = subprocess.check_output(["bash", "-c", hint], text=True).strip()
    values = example | made

    def fill(text: str) -> str:
        return re.sub(r"\$\{(\w+)[^}]*\}", lambda match: values[match[1]], text)

    given = {name: fill(value) for name, value in COMPOSE["services"]["web"]["environment"].items()}
    assert given["DATABASE_URL"] == "postgresql://hookpost:hex@postgres:5432/hookpost"
    return values | given | {"DATABASE_URL": servers.database_url, "BROKER_URL": servers.broker_url}


def test_the_compose_files_commands_lead_there_too(servers: Services, shop: Receiver, tmp_path: Path) -> None:
    """Given the services in the order of the compose file, then an event made as its first lines say arrives."""
    (port,) = free_ports(1)
    settings = composed(servers) | {"HOOKPOST_ALLOW_TARGETS": f"127.0.0.1/32:{shop.port}"}
    settings["HOOKPOST_HEALTH_ADDRESS"] = ""  # one port for several, as they share a host here
    installation = Installation(settings=settings)
    done = installation.manage(*COMPOSE["services"]["migrate"]["command"])
    assert done.returncode == 0, done.stderr
    first_lines = (CHECKOUT / "docker/compose.yml").read_text()
    to_make_keys = re.findall(r"^#.* run --rm web (create_api_key .+)$", first_lines, re.MULTILINE)
    to_make_keys.append("create_api_key setup")
    keys = [installation.manage(*words.split()).stdout.splitlines()[-1] for words in to_make_keys]
    with ExitStack() as stack:
        for name in ("web", "worker", "dispatcher"):
            assert COMPOSE["services"][name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
            words = [str(port) if word == "8000" else word for word in COMPOSE["services"][name]["command"]]
            stack.enter_context(installation.process(*words, log=tmp_path / f"{name}.log"))
        assert wait_until(lambda: is_up(port), seconds=PATIENCE_SECONDS)
        base = f"http://127.0.0.1:{port}/api/v1"
        post(f"{base}/customers", {"uid": "acme", "name": "Acme"}, key=keys[-1])
        endpoint = post(f"{base}/customers/acme/endpoints", {"url": f"{shop.url}/hook"}, key=keys[-1])
        post(f"{base}/events", {"customer": "acme", "type": "invoice.paid", "data": {"n": 1}}, key=keys[0])
        assert verify(shop, secret=endpoint["secret"])["data"] == {"n": 1}


def post(url: str, body: object, *, key: str) -> Any:
    """What the API answers."""
    words = ["curl", "-sS", "--fail", "-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json"]
    return json.loads(subprocess.check_output([*words, "-d", json.dumps(body), url]))
