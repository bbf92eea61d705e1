"""Endpoints that want an access token: fetched from Authlib's server, shared, renewed, and every way of failing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from deliveries.models import AccessToken, Attempt, Delivery, Endpoint
from deliveries.services.endpoints import disable_endpoint, update_endpoint
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import (
    an_endpoint,
    an_engine,
    attempts_of,
    emit,
    step_until_idle,
    take_turn,
    the_delivery,
)
from tests.oauth2_server import CLIENT_ID, CLIENT_SECRET, TokenServer
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(receiver: Receiver) -> TokenServer:
    """The receiver gives tokens at /token, and wants one everywhere else."""
    server = TokenServer()
    receiver.answer = server.answer
    return server


@pytest.fixture
def hanging(receiver_ports: list[int]) -> Iterator[str]:
    """A token URL at which somebody listens and never answers."""
    with socket.create_server(("127.0.0.1", receiver_ports[2])):
        yield f"http://127.0.0.1:{receiver_ports[2]}/token"


def auth_at(token_url: str, **changes: str) -> dict[str, str]:
    return {
        "type": "oauth2",
        "token_url": token_url,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        **changes,
    }


def shop(receiver: Receiver, **changes: str) -> Endpoint:
    auth = auth_at(f"{receiver.url}/token", **changes)
    return an_endpoint(f"{receiver.url}/in", auth=auth, retry_schedule=[0])


def paths(receiver: Receiver) -> list[str]:
    return [request.path for request in receiver.requests]


@pytest.mark.parametrize("way", ["basic", "post"])
def test_a_token_is_fetched_once_and_serves_all_and_the_next_worker_too(
    way: str, receiver: Receiver, server: TokenServer
) -> None:
    endpoint = shop(receiver, client_auth=way, scope="hooks:write")
    for number in range(3):
        emit(endpoint, number=number)
    take_turn(endpoint)
    emit(endpoint)
    take_turn(endpoint)
    assert paths(receiver) == ["/token", *4 * ["/in"]]
    assert [token["scope"] for token in server.given] == ["hooks:write"]
    assert set(Attempt.objects.values_list("status_code", flat=True)) == {204}
    kept = f"{AccessToken.objects.values()}{bytes(AccessToken.objects.get().sealed)!r}{list(Attempt.objects.values())}"
    assert "access-token-of" not in kept
    assert CLIENT_SECRET not in kept


def test_an_old_token_and_one_of_other_credentials_are_fetched_anew(receiver: Receiver, server: TokenServer) -> None:
    endpoint = shop(receiver)
    emit(endpoint)
    take_turn(endpoint)
    AccessToken.objects.update(refresh_at=Now() - timedelta(seconds=1))
    emit(endpoint)
    take_turn(endpoint)
    assert len(server.given) == 2
    update_endpoint(endpoint, {"auth": {**(endpoint.auth or {}), "scope": "other"} | {"hint": None}}, actor="key:ops")
    emit(endpoint)
    take_turn(endpoint)
    assert [token.get("scope") for token in server.given][2:] == ["other"]


def test_a_token_that_the_receiver_refuses_is_renewed_once(receiver: Receiver, server: TokenServer) -> None:
    """Given a stored token that was revoked, then the delivery arrives although its schedule has one attempt only."""
    endpoint = shop(receiver)
    emit(endpoint)
    take_turn(endpoint)
    server.alive.clear()
    emit(endpoint)
    for _ in range(2):
        take_turn(endpoint)
    assert paths(receiver)[2:] == ["/in", "/token", "/in"]
    assert sorted(Attempt.objects.values_list("status_code", flat=True)) == [204, 204, 401]


def test_a_redelivery_to_a_disabled_endpoint_is_tried_with_a_new_token_too(
    receiver: Receiver, server: TokenServer
) -> None:
    endpoint = shop(receiver)
    emit(endpoint)
    take_turn(endpoint)
    server.alive.clear()
    disable_endpoint(endpoint, actor="user:alice")
    redeliver(the_delivery(endpoint), actor="user:carol")
    for _ in range(2):
        take_turn(endpoint)
    assert paths(receiver)[2:] == ["/in", "/token", "/in"]


def test_a_receiver_that_refuses_every_token_is_not_asked_for_ever(receiver: Receiver, server: TokenServer) -> None:
    endpoint = shop(receiver)
    emit(endpoint)
    take_turn(endpoint)

    def refuse(request: Request) -> Answer:
        return server.answer(request) if request.path == "/token" else (401, {}, b"")

    receiver.answer = refuse
    emit(endpoint)
    for _ in range(3):
        take_turn(endpoint)
    assert paths(receiver)[2:] == ["/in", "/token", "/in"]
    assert Delivery.objects.filter(state="exhausted", error="http_4xx").count() == 1


def test_an_endpoint_that_is_erased_while_its_token_is_fetched_harms_nobody(
    receiver: Receiver, server: TokenServer
) -> None:
    gone, well = shop(receiver), an_endpoint(f"{receiver.url}/well")

    def erase(request: Request) -> Answer:
        if request.path == "/token":
            Endpoint.objects.filter(id=gone.id).delete()
            connection.close()
        return server.answer(request) if request.path != "/well" else (204, {}, b"")

    receiver.answer = erase
    emit(gone)
    engine, _ = an_engine(gone, well)
    while "/token" not in paths(receiver):
        engine.step()
    emit(well)
    engine.notify([well.id])
    step_until_idle(engine)
    engine.abandon()
    assert not AccessToken.objects.exists()
    assert the_delivery(well).state == "succeeded"


GOOD = {"access_token": "x" * 20, "token_type": "Bearer"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {}, b'{"error": "invalid_client"}'), "answered 401, invalid_client"),
        ((400, {}, json.dumps({"error": CLIENT_SECRET}).encode()), "answered 400"),
        ((302, {"location": "http://127.0.0.1/"}, b""), "answered 302, a redirect"),
        ((200, {}, b"<html>"), "200 without a JSON object"),
        ((200, {}, b"[" * 5000), "200 without a JSON object"),
        ((200, {}, b"{}"), "200 without a JSON object"),
        ((200, {}, b'{"token_type": "Bearer"}'), "no access_token that a header can hold"),
        ((200, {}, json.dumps({**GOOD, "access_token": "a\r\nb: c"}).encode()), "no access_token that a header"),
        ((200, {}, json.dumps({**GOOD, "access_token": "x" * 9000}).encode()), "longer than 8192"),
        ((200, {}, json.dumps({**GOOD, "token_type": "mac"}).encode()), "another token_type"),
        ((200, {}, json.dumps(GOOD).encode() + b" " * 5_000_000), "too large"),
        ((503, {}, b"x" * 5_000_000), "answered 503"),
    ],
)
def test_what_a_token_endpoint_says_wrongly_is_the_attempts_detail(
    answer: Answer, said: str, receiver: Receiver
) -> None:
    receiver.answer = lambda request: answer
    endpoint = shop(receiver)
    emit(endpoint)
    take_turn(endpoint)
    (attempt,) = attempts_of(the_delivery(endpoint))
    assert (attempt.error, attempt.status_code, attempt.request_headers) == ("token_error", None, "")
    assert said in attempt.detail
    assert CLIENT_SECRET not in attempt.detail
    assert the_delivery(endpoint).state == "exhausted"
    assert paths(receiver) == ["/token"]


@pytest.mark.parametrize("expires_in", [None, "3600", 0, -5, 1e308, "soon", [1], True, 10**400])
def test_odd_lives_of_tokens_do_no_harm(expires_in: object, receiver: Receiver, server: TokenServer) -> None:
    def odd(request: Request) -> Answer:
        given = json.dumps({**GOOD, "expires_in": expires_in}).encode()
        return (200, {}, given) if request.path == "/token" else (204, {}, b"")

    receiver.answer = odd
    endpoint = shop(receiver)
    emit(endpoint)
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"
    assert AccessToken.objects.filter(refresh_at__gt=Now() + timedelta(days=2)).count() == 0


def test_a_token_endpoint_that_hangs_holds_up_its_own_lane_only(receiver: Receiver, hanging: str) -> None:
    stuck = an_endpoint(f"{receiver.url}/stuck", auth=auth_at(hanging), timeout_seconds=1, retry_schedule=[0])
    well = an_endpoint(f"{receiver.url}/well")
    for number in range(3):
        emit(stuck, number=number)
    emit(well)
    engine, _ = an_engine(stuck, well)
    while "/well" not in paths(receiver):
        engine.step()
    step_until_idle(engine)
    engine.abandon()
    failed = Attempt.objects.filter(endpoint=stuck)
    assert set(failed.values_list("error", flat=True)) == {"token_error"}
    assert "deadline_exceeded" in failed[0].detail
    assert "/stuck" not in paths(receiver)


def test_a_batch_waits_for_its_token_and_is_sent_again_with_a_new_one(receiver: Receiver, server: TokenServer) -> None:
    """Given a token that is fetched, then revoked, then all of a batch arrive, with an attempt for each request."""
    auth = auth_at(f"{receiver.url}/token")
    endpoint = an_endpoint(f"{receiver.url}/in", auth=auth, retry_schedule=[0], batch_size=10)
    for number in range(3):
        emit(endpoint, number=number)
    take_turn(endpoint)
    assert paths(receiver) == ["/token", "/in"]
    server.alive.clear()
    for number in range(3):
        emit(endpoint, number=number)
    for _ in range(2):
        take_turn(endpoint)
    assert paths(receiver)[2:4] == ["/in", "/token"]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"succeeded"}
    assert sorted(Attempt.objects.values_list("status_code", flat=True)) == [*6 * [204], *3 * [401]]
