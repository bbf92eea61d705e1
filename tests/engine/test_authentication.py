"""Endpoints whose server wants to know who is calling: what a request carries, and what the log keeps of it."""

from __future__ import annotations

import base64

import pytest

from tests.engine.steps import an_endpoint, attempts_of, emit, take_turn, the_delivery
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "a-secret-of-the-customer-5f2b8c"
BASIC = {"type": "basic", "username": "hook", "password": SECRET}


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (BASIC, "Basic " + base64.b64encode(f"hook:{SECRET}".encode()).decode()),
        ({"type": "bearer", "token": SECRET}, f"Bearer {SECRET}"),
    ],
)
def test_a_request_authenticates_and_the_log_does_not_say_how(
    auth: dict[str, str], header: str, receiver: Receiver
) -> None:
    """Given a receiver that sends back what it got, also the password by itself, then none of it is stored."""

    def echo(request: Request) -> Answer:
        said = f"{request.header('authorization')} {SECRET}"
        return 200, {"x-you-sent": said}, said.encode()

    receiver.answer = echo
    endpoint = an_endpoint(receiver.url, auth=auth, headers={"X-Team": "billing"})
    emit(endpoint)
    take_turn(endpoint)
    (request,) = receiver.requests
    assert (request.header("authorization"), request.header("x-team")) == (header, "billing")
    (attempt,) = attempts_of(the_delivery(endpoint))
    assert attempt.status_code == 200
    assert "authorization: [hidden]" in attempt.request_headers
    kept = f"{attempt.request_headers}{attempt.response_headers}{bytes(attempt.response_body)!r}"
    assert SECRET not in kept
    assert header.partition(" ")[2] not in kept
