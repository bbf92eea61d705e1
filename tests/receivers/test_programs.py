"""Deliveries to receivers in five languages, verified by code that is not ours."""

from __future__ import annotations

import base64

import pytest

from deliveries.services.endpoint.endpoint_secrets import new_secret
from deliveries.services.endpoints import rotate_secret
from tests.engine.steps import an_endpoint, attempts_of, emit, let_time_pass, take_turn, the_delivery
from tests.receivers.programs import PROGRAMS, Program, running, skip_unless_ready
from tests.receivers.steps import answers_to_its_secret_and_another

pytestmark = pytest.mark.django_db(transaction=True)
EACH = pytest.mark.parametrize("program", PROGRAMS, ids=[program.name for program in PROGRAMS])
BY_NAME = {program.name: program for program in PROGRAMS}
SEVERAL_SIGNATURES = [program for program in PROGRAMS if program.profile == "standard"]


@EACH
def test_a_receiver_of_others_accepts_our_signature_and_no_other(program: Program, receiver_ports: list[int]) -> None:
    skip_unless_ready(program)
    secret, port = new_secret(), receiver_ports[-1]
    endpoint = an_endpoint(f"http://127.0.0.1:{port}/", secret=secret, signing=program.profile)
    with running(program, port=port, secret=secret):
        assert answers_to_its_secret_and_another(endpoint) == [program.takes, 400]


@pytest.mark.parametrize("program", SEVERAL_SIGNATURES, ids=[program.name for program in SEVERAL_SIGNATURES])
def test_a_receiver_with_the_old_secret_goes_on_verifying_after_a_rotation(
    program: Program, receiver_ports: list[int]
) -> None:
    skip_unless_ready(program)
    secret, port = new_secret(), receiver_ports[-1]
    endpoint = an_endpoint(f"http://127.0.0.1:{port}/", secret=secret)
    rotate_secret(endpoint, actor="user:alice")
    with running(program, port=port, secret=secret):
        emit(endpoint)
        take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"


def test_a_retry_to_a_receiver_that_starts_late_verifies_too(receiver_ports: list[int]) -> None:
    program, port, secret = PROGRAMS[0], receiver_ports[-1], new_secret()
    endpoint = an_endpoint(f"http://127.0.0.1:{port}/", secret=secret)
    emit(endpoint)
    take_turn(endpoint)
    assert the_delivery(endpoint).error == "connect_refused"
    with running(program, port=port, secret=secret):
        let_time_pass(endpoint)
        take_turn(endpoint)
    assert [attempt.status_code for attempt in attempts_of(the_delivery(endpoint))] == [None, 204]


SVIX = "whsec_" + base64.b64encode(bytes(range(75))).decode()  # as many bytes as Svix allows
SHORT = "whsec_" + base64.b64encode(bytes(range(24))).decode()
SLACK = "8f742231b10e8888abcd99yyyzzz85a5"
GITHUB = "It's a Secret to Everybody"  # of GitHub's own documentation
FOREIGN = [
    *[(program, secret, "standard") for program in SEVERAL_SIGNATURES for secret in (SVIX, SHORT)],
    *[("node_svix", secret, "svix") for secret in (SVIX, SHORT)],
    *[("octokit", secret, "github") for secret in (GITHUB, "ключ от GitHub", SVIX)],
    *[
        ("express", secret, signing)
        for secret in (
            "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",
            "8f742231b10e8888abcd99yyyzzz85a5",
            "a" * 64,
            "_-4fQ=1x",
        )
        for signing in ("hex_sha256", {"header": "X-Signature", "encoding": "hex"})
    ],
]


@pytest.mark.parametrize(("program", "secret", "signing"), FOREIGN)
def test_a_receiver_verifies_with_the_secret_that_another_sender_gave_it(
    program: Program | str, secret: str, signing: str | dict[str, str], receiver_ports: list[int]
) -> None:
    program = BY_NAME[program] if isinstance(program, str) else program
    skip_unless_ready(program)
    port = receiver_ports[-1]
    endpoint = an_endpoint(f"http://127.0.0.1:{port}/", secret=secret, signing=signing)
    with running(program, port=port, secret=secret):
        emit(endpoint)
        take_turn(endpoint)
    delivered = the_delivery(endpoint)
    assert (delivered.state, delivered.status_code) == ("succeeded", 204)
