"""The steps of the tests of generated clients: a live installation, a tool, a program that uses what it made.

What lives here: running others' tools and our small programs as processes of their own. It must not know a tool.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deliveries.models import Endpoint
from tests.engine.steps import Script, take_turn
from tests.receiver import Receiver

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
TOOL_SECONDS = 600
PATIENCE_SECONDS = 600
# What the field's event types hold: parts, references, unions, any value, names that differ by a sign alone.
LINE = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}, "note": True}}
EVENT_TYPES = [
    {
        "name": "invoice.paid",
        "schema": {
            "$defs": {"line": LINE},
            "type": "object",
            "required": ["lines"],
            "properties": {"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
        },
        "example": {"lines": [{"amount": 7}]},
    },
    {"name": "invoice_paid", "schema": {"$defs": {"line": {"type": "string"}}, "type": "object"}},
    {
        "name": "order.shipped",
        "schema": {
            "type": "object",
            "title": "Line",
            "properties": {
                "id": {"type": ["string", "integer"]},
                "tags": {"type": ["array", "null"]},
                "kind": {"enum": ["a", 1, None]},
                "box": {"const": {"size": 1}},
                "any": {},
            },
            "patternProperties": {"^x-": False},
        },
    },
    {  # what generators stumble over: words of theirs as names, no names, names of files too long, null, patterns
        "name": "class.import",
        "schema": {
            "type": ["object", "null"],
            "properties": {
                **{
                    name: {"type": "string"} for name in ("class", "None", "to_dict", "a-b", "a_b", "日本", "__proto__")
                },
                "nothing": {"type": "null"},
                "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                "pattern": {"type": "string", "pattern": "^(?i)x"},
                "pair": {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
                "long" * 30: {
                    "type": "object",
                    "properties": {"name" * 30: {"type": "object", "properties": {"a": {}}}},
                },
            },
        },
    },
]


def register_types() -> None:
    """Event types as operators have them."""
    from deliveries.services.catalogue.event_types import create_event_type

    for each in EVENT_TYPES:
        create_event_type(each, actor="system")


def fetch_document(server: LiveServer, folder: Path) -> Path:
    """Store the live description in a file."""
    with urllib.request.urlopen(f"{server.url}/api/v1/openapi.json") as answer:
        document = json.load(answer)
    path = folder / "openapi.json"
    path.write_text(json.dumps(document))
    return path


def run_tool(command: Sequence[str | Path], *, folder: Path) -> str:
    """Run a tool to its good end, with the tools of this environment in its path; returns what it said."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=os.environ | {"PATH": path, "CI": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TOOL_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def do_the_whole_job(command: Sequence[str | Path], *, receiver: Receiver, generated: Path) -> None:
    """Run a program that registers, emits, looks and redelivers with a client; the engine delivers meanwhile."""
    receiver.answer = Script(500, 204)
    environment = os.environ | {"PYTHONPATH": str(generated)}
    program = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    give_up = time.monotonic() + PATIENCE_SECONDS
    try:
        while program.poll() is None:
            assert time.monotonic() < give_up, "the program does not end"
            for endpoint in Endpoint.objects.all():
                take_turn(endpoint)
    finally:
        program.kill()
        said, _ = program.communicate()
    assert program.returncode == 0, said[-4000:]
    assert said.splitlines()[-1] == "done"
    assert len(receiver.requests) == 2
