"""The walks of the README and of docs/api.md, as a newcomer takes them: typed into a shell, with curl only.

What lives here: two terminals. The first runs Hookpost, the second is one bash that gets what the page says,
with the ids and secrets of the answers put in for the dots.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_ports
from tests.terminals import Terminal, answers_in, blocks_of, terminal

SECTIONS = {"README.md": "## Use it", "docs/api.md": "## Five minutes with curl"}
UP_SECONDS = 300
REACHED = "(exec 3<>/dev/tcp/127.0.0.1/$PORT) 2>/dev/null"
# What a pause of the page is for, by a word of what is typed next.
SHOWN = {"customer=alice": "connect_refused", "customer=globex": "succeeded", "/attempts": '"redelivery": true'}

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the walk is for people who have curl")


def here(text: str, ports: dict[str, int]) -> str:
    """A block with the interpreter, the ports and the pauses of this run."""
    for standard, port in ports.items():
        text = text.replace(standard, str(port))
    text = re.sub(r"^call -X POST .*", until_it_is_taken, text, flags=re.MULTILINE)
    text = re.sub(r"^sleep 1\n+(.*)\n", until_it_is_shown, text, flags=re.MULTILINE)
    text = text.replace(".venv/bin/python", sys.executable)
    return text.replace("make up", f"{sys.executable} manage.py up --port {ports['8000']}")


def until_it_is_taken(match: re.Match[str]) -> str:
    """A redelivery, again while it is a 409: the retry may be under way."""
    return f'until again=$({match[0]}) && [[ $again == *\'"id"\'* ]]; do sleep 0.2; done; echo "$again"'


def until_it_is_shown(match: re.Match[str]) -> str:
    """A pause of the page and what is typed next, with as long a pause as it takes until that shows what it shall."""
    typed = match[1]
    shown = next((f"{typed} | grep -q '{words}'" for place, words in SHOWN.items() if place in typed), REACHED)
    return f"until {shown}; do sleep 0.2; done\n{typed}\n"


def with_dots_filled(text: str, **values: str) -> str:
    """A block in which whsec_… and dlv_… are what the answers said."""
    for prefix, value in values.items():
        text = text.replace(f"{prefix}_…", value)
    assert "_…" not in text, text
    return text


@contextmanager
def walk(page: str, data_dir: Path) -> Iterator[tuple[Terminal, list[str]]]:
    """The second terminal, with Hookpost up in the first, and the blocks that are to be typed."""
    ports = dict(zip(("8000", "9400"), free_ports(2), strict=True))
    up, *blocks = [here(block, ports) for block in blocks_of(page, SECTIONS[page])]
    with terminal(HOOKPOST_DATA=str(data_dir)) as first, terminal(HOOKPOST_DATA=str(data_dir)) as second:
        assert first.process.stdin is not None
        first.process.stdin.write(up)
        first.process.stdin.flush()
        first.await_line("Hookpost is up", seconds=UP_SECONDS)
        yield second, blocks


def test_the_walk_of_the_api_page_ends_with_a_redelivery_that_arrives(tmp_path: Path) -> None:
    with walk("docs/api.md", tmp_path) as (shell, (make, send)):
        customer, event_type, endpoint, event, deliveries = answers_in(shell.type(make))
        assert (customer["uid"], event_type["name"], endpoint["uid"]) == ("alice", "order.shipped", "main")
        assert event["deliveries"] == 1
        (delivery,) = deliveries["results"]
        assert (delivery["event"], delivery["error"]) == (event["id"], "connect_refused")
        said = shell.type(with_dots_filled(send, whsec=endpoint["secret"], dlv=delivery["id"]))
        again, attempts = answers_in(said)
        assert again["id"] == delivery["id"]
        assert f"received {event['id']} order.shipped" in said
        newest, *_, oldest = attempts["results"]
        assert (newest["redelivery"], newest["status_code"], newest["actor"]) == (True, 204, "key:first")
        assert (oldest["number"], oldest["error"]) == (1, "connect_refused")


def test_the_walk_of_the_readme_ends_with_an_event_that_arrives(tmp_path: Path) -> None:
    with walk("README.md", tmp_path) as (shell, (block, *_)):
        make, receive = block.split("export PORT", 1)
        *_, endpoint = answers_in(shell.type(make))
        said = shell.type(with_dots_filled(f"export PORT{receive}", whsec=endpoint["secret"]))
        event, deliveries = answers_in(said)
        assert f"received {event['id']} invoice.sent" in said
        assert [each["state"] for each in deliveries["results"]] == ["succeeded"]
