"""Our TypeScript client: its shapes are the description's, and it is kind to a server that is in trouble.

What lives here: what it does of itself, seen by a receiver that stands for a server.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clients.generate import SHAPES, generate_typescript
from tests.clients.made import needs_typescript, typescript_client
from tests.clients.steps import do_the_whole_job
from tests.receiver import Answer, Receiver, Request

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = needs_typescript
ACCEPTED = 202, {"content-type": "application/json"}, b'{"id": "evt_1", "deliveries": 1}'
CALL_SECONDS = 180
Call = Callable[..., dict[str, object]]


def refused(status: int, **headers: str) -> Answer:
    body = b'{"type": "t", "title": "Refused", "status": %d, "detail": "not now"}' % status
    return status, {"content-type": "application/problem+json", **headers}, body


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the client, the example of its page and the programs, compiled together."""
    return typescript_client(tmp_path_factory)


@pytest.fixture
def call(built: Path, receiver: Receiver) -> Call:
    """Let the client call the receiver, which stands for a server; the pauses are short."""

    def run(name: str, *options: str) -> dict[str, object]:
        command = ["node", built / "our_typescript_calls.js", receiver.url, name, *options]
        said = subprocess.run(command, capture_output=True, text=True, timeout=CALL_SECONDS, check=True).stdout
        answer = json.loads(said)
        assert isinstance(answer, dict)
        return answer

    return run


def keys_of(receiver: Receiver) -> list[str | None]:
    return [request.header("Idempotency-Key") for request in receiver.requests]


def test_its_shapes_are_what_the_generator_makes_of_the_description(tmp_path: Path) -> None:
    from deliveries.api.openapi import description

    described, made = tmp_path / "openapi.json", tmp_path / "schema.ts"
    described.write_text(json.dumps(description()))
    generate_typescript(described, made)
    assert made.read_text() == SHAPES.read_text(), "run `make clients` and commit clients/typescript/src/schema.ts"


@pytest.mark.django_db(transaction=True)
def test_it_does_the_whole_job(built: Path, live_server: LiveServer, key: str, receiver: Receiver) -> None:
    command = ["node", built / "our_typescript.js", live_server.url, key, receiver.url]
    do_the_whole_job(command, receiver=receiver, generated=built)
    assert receiver.requests


def lost(request: Request) -> Answer:
    raise ConnectionResetError


def cut_short(request: Request) -> Answer:
    return 202, {"content-type": "application/json", "content-length": "900"}, ACCEPTED[2]


@pytest.mark.parametrize(
    "troubles",
    [
        [refused(429, **{"retry-after": "0"}), refused(503)],
        [refused(502), refused(504)],
        [lost, lost],
        [cut_short],
    ],
    ids=["refused for now", "a proxy that lost the server", "lost connections", "an answer that breaks off"],
)
def test_an_event_is_sent_again_with_the_same_key_until_it_is_accepted(
    troubles: list[Answer | Callable[[Request], Answer]], call: Call, receiver: Receiver
) -> None:
    left = iter([*troubles, ACCEPTED])

    def answer(request: Request) -> Answer:
        following = next(left)
        return following(request) if callable(following) else following

    receiver.answer = answer
    assert call("emit") == {"answer": {"id": "evt_1", "deliveries": 1}}
    assert len(receiver.requests) == len(troubles) + 1
    assert len(set(keys_of(receiver))) == 1
    assert keys_of(receiver)[0]


def test_a_key_that_is_given_is_the_one_that_is_sent(call: Call, receiver: Receiver) -> None:
    receiver.answer = lambda request: ACCEPTED
    call("emit", "invoice-7")
    assert keys_of(receiver) == ["invoice-7"]


def test_after_the_last_try_the_refusal_is_thrown_by_its_status(call: Call, receiver: Receiver) -> None:
    receiver.answer = lambda request: refused(503)
    assert call("emit") == {"error": "Unavailable", "status": 503, "detail": "not now"}
    assert len(receiver.requests) == 4


@pytest.mark.parametrize("asked", ["90000", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_what_asks_for_a_long_pause_is_thrown_at_once(asked: str, call: Call, receiver: Receiver) -> None:
    receiver.answer = lambda request: refused(503, **{"retry-after": asked})
    assert call("emit") == {"error": "Unavailable", "status": 503, "detail": "not now"}
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(("trouble", "name"), [(lost, "TypeError"), (lambda request: refused(502), "ApiError")])
def test_what_could_be_done_twice_is_not_sent_again(
    trouble: Callable[[Request], Answer], name: str, call: Call, receiver: Receiver
) -> None:
    """Given a POST without a key whose answer was lost, then its caller hears of it."""
    receiver.answer = trouble
    assert call("create")["error"] == name
    assert keys_of(receiver) == [None]


def test_a_receiver_verifies_with_the_library_of_standard_webhooks(call: Call) -> None:
    assert call("verify")["error"] == "WebhookVerificationError"
