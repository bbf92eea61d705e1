"""A customer that uses all there is moves to another cell, and goes on there as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest
import trustme

from deliveries.cells.agreement import unknown_keys
from deliveries.cells.move import Pause, move
from deliveries.cells.survey import survey
from deliveries.engine import polls
from deliveries.engine.dispatcher import disable_failing
from deliveries.engine.poll_messages import PollMessage, poll
from deliveries.errors import Conflict, Unavailable
from deliveries.models import Alert, ApiVersion, Attempt, Challenge, Customer, Delivery, Endpoint, Job, Retest
from deliveries.protocol.sending.polled import POLLED_URL, acknowledged
from deliveries.services.accepting.events import Accepted, EventDraft, accept_event
from deliveries.services.catalogue import version_table
from deliveries.services.catalogue.api_versions import create_version, release_version, save_change
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.challenge_rounds import run_challenges
from deliveries.services.customers import create_customer
from deliveries.services.delivery_windows import OUTSIDE, keep_windows
from deliveries.services.endpoints import create_endpoint
from deliveries.services.people.api_keys import create_api_key
from deliveries.services.reading.selection import Selection
from deliveries.services.resending.jobs import start_job
from deliveries.services.retests import retest_disabled
from deliveries.services.telling import alerts
from deliveries.services.telling.alert_mail import is_mail_due
from tests.cells.second_cell import working_in
from tests.cells.test_move import ACTOR, a_link, own, run, snapshot
from tests.engine.steps import take_turn
from tests.oauth2_server import CLIENT_ID, CLIENT_SECRET, TokenServer
from tests.receiver import Answer, Receiver, Request
from tests.services.steps import failing
from tests.settings import SETTINGS

WINDOW = {"days": ["mon"], "from": "08:00", "to": "18:00", "timezone": "Europe/Berlin"}
SUNDAY = datetime(2026, 3, 29, 9, tzinfo=UTC)
OLD, NEW = "2026-01-01", "2026-06-01"
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Retests, and versions that are not those of another database."""
    monkeypatch.setattr(SETTINGS, "retest_days", 7)
    version_table._forget()
    yield
    version_table._forget()


@pytest.fixture
def tokens(receiver: Receiver) -> TokenServer:
    """The receiver gives tokens, and wants one of them at /oauth."""
    server = TokenServer()

    def answer(request: Request) -> Answer:
        return server.answer(request) if request.path in ("/token", "/oauth") else (204, {}, b"")

    receiver.answer = answer
    return server


def declare_versions() -> None:
    """What the operator declares in each cell: a type, and a version in which it looks otherwise."""
    create_event_type({"name": "order.made"}, actor=ACTOR)
    for name in (OLD, NEW):
        version = create_version({"name": name}, actor=ACTOR)
        if name == NEW:
            save_change(version, "order.made", {"down": "{a: b}", "up": "{b: a}"}, actor=ACTOR)
        release_version(version, actor=ACTOR)
    version_table._forget()


def endpoints_of(customer: Customer, receiver: Receiver) -> dict[str, Endpoint]:
    """An endpoint of each kind, by its uid; each has an event type of its own."""
    auth = {"type": "oauth2", "token_url": f"{receiver.url}/token", "client_id": CLIENT_ID}
    kinds: dict[str, dict[str, object]] = {
        "batched": {"batch_size": 10, "batch_wait_ms": 1, "tags": ["eu"]},
        "polled": {"url": POLLED_URL, "ordered": True},
        "pinned": {"api_version": OLD},
        "oauth": {"auth": auth | {"client_secret": CLIENT_SECRET}, "headers": {"x-shop": "7"}},
        "windowed": {"delivery_window": WINDOW},
        "shaped": {"method": "PUT", "payload_mode": "data", "body_format": "form", "transformation": "{n: data.n}"},
        "tls": {
            "url": receiver.url.replace("http:", "https:"),
            "tls": {"ca": trustme.CA().cert_pem.bytes().decode()},
            "send_trace_context": True,
        },
        "dead": {"ordered": True, "set_aside_after": 3, "metadata": {"team": "ops"}, "filter": "$.data.n > 0"},
    }
    return {name: an_endpoint_of(customer, receiver, name, fields) for name, fields in kinds.items()}


def an_endpoint_of(customer: Customer, receiver: Receiver, name: str, fields: dict[str, object]) -> Endpoint:
    given = {"url": f"{receiver.url}/{name}", "uid": name, "event_types": [f"{name}.*", "order.*"]} | fields
    if name != "pinned":
        given["event_types"] = [f"{name}.*"]
    return create_endpoint(customer, given, actor=ACTOR)[0]


def emit(customer: Customer, name: str, data: bytes = b'{"n": 1}', **fields: object) -> UUID:
    accepted = accept_event(EventDraft(type=name, data=data, customer_id=customer.id, **fields))  # type: ignore[arg-type]
    assert isinstance(accepted, Accepted)
    return accepted.event_id


def emit_all(customer: Customer) -> None:
    """Something waits for every endpoint, and something for later."""
    for number in (1, 2, 3):
        emit(customer, "batched.made", b'{"n": %d}' % number, tags=("eu",))
    emit(customer, "batched.made", tags=("us",))
    emit(customer, "polled.made", trace_context=TRACE)
    emit(customer, "polled.made")
    emit(customer, "order.made", b'{"b": 7}', api_version=NEW)
    for name in ("oauth", "windowed", "shaped", "tls", "dead"):
        emit(customer, f"{name}.made")
    emit(customer, "shaped.later", deliver_at=datetime.now(UTC) + timedelta(days=2))


def a_modern_customer(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> tuple[Customer, PollMessage]:
    """A customer with one of each, its events, and what a poller has taken."""
    declare_versions()
    customer = create_customer({"uid": "acme", "name": "Acme Ltd"}, actor=ACTOR)
    made = endpoints_of(customer, receiver)
    emit_all(customer)
    keep_windows(now=SUNDAY)
    failing(made["dead"], hours=7 * 24)
    assert disable_failing() == 1
    Retest.objects.update(next_at=datetime.now(UTC) - HOUR)
    failing(made["tls"], hours=30)
    monkeypatch.setattr(SETTINGS, "challenge", "own")
    an_endpoint_of(customer, receiver, "unverified", {})
    (taken,) = poll(made["polled"], most=10, lease_seconds=600)
    return customer, taken


def a_neighbour() -> UUID:
    """Somebody else's endpoint with a window, newer than those that move: looked at after them."""
    customer = create_customer({"uid": "bob", "name": "Bob"}, actor=ACTOR)
    endpoint, _ = create_endpoint(customer, {"url": POLLED_URL, "delivery_window": WINDOW}, actor=ACTOR)
    return endpoint.id


def go_round(neighbour: UUID) -> None:
    """A dispatcher's rounds: they act on the neighbour, and pass by who is on the way."""
    keep_windows(now=SUNDAY)
    assert Endpoint.objects.get(id=neighbour).state_reason == OUTSIDE
    keep_windows(now=SUNDAY + timedelta(days=1))
    assert Endpoint.objects.get(id=neighbour).state == "enabled"
    assert (retest_disabled(), run_challenges(), disable_failing()) == (0, 0, 0)
    assert (polls.end_lapsed(), alerts.note_failing(), alerts.tell_customers(), is_mail_due()) == (0, 0, 0, False)


def test_whatever_a_customer_uses_goes_on_in_the_other_cell(
    other: str, receiver: Receiver, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given all kinds of endpoints and events, then in the other cell each is sent as it would have been here."""
    customer, taken = a_modern_customer(receiver, monkeypatch)
    here = a_neighbour()
    with working_in(other):
        declare_versions()
        there = a_neighbour()
    before = snapshot(own(), customer)
    with a_link(customer, other) as link:
        steps = move(link, log_days=1, switch=lambda: None, actor=ACTOR, pause=Pause())
        for step in steps:
            if step.name == "settings":
                with working_in(other):
                    go_round(there)
            if step.name == "source closed":
                go_round(here)
                with pytest.raises(Unavailable):
                    polls.answer_leases(Endpoint.objects.get(uid="polled").id, {taken.lease.id: acknowledged()})
    after = snapshot(other, customer)
    assert after == before
    with working_in(other):
        version_table._forget()
        goes_on(receiver, taken)


def goes_on(receiver: Receiver, taken: PollMessage) -> None:
    """All that waited is sent, each in its endpoint's way; what is for later waits."""
    of = {endpoint.uid: endpoint for endpoint in Endpoint.objects.filter(customer__uid="acme")}
    assert polls.answer_leases(of["polled"].id, {taken.lease.id: acknowledged()}) == set()
    (behind,) = poll(of["polled"], most=9, lease_seconds=9)
    assert behind.lease.event_id > taken.lease.event_id
    for name in ("batched", "pinned", "oauth", "shaped"):
        take_turn(of[name])
    came = {request.path: request for request in receiver.requests}
    assert len(orjson.loads(came["/batched"].body)["events"]) == 3
    assert (came["/pinned"].header("webhook-version"), orjson.loads(came["/pinned"].body)["data"]) == (OLD, {"a": 7})
    assert (came["/oauth"].header("authorization") or "").startswith("Bearer ")
    assert (came["/shaped"].method, came["/shaped"].body) == ("PUT", b"n=1")
    states = {uid: (each.state, each.state_reason != "") for uid, each in of.items()}
    assert (states["windowed"], states["unverified"], states["dead"][0]) == (("paused", True),) * 2 + ("disabled",)
    assert Delivery.objects.filter(event_type="shaped.later", state="pending").count() == 1
    assert (run_challenges(), retest_disabled(), alerts.note_failing()) == (1, 1, 1)
    assert Attempt.objects.filter(endpoint=of["polled"]).count() == 1
    assert Challenge.objects.exclude(delivery_id=None).count() == 1
    assert Alert.objects.filter(endpoint=of["dead"], kind="endpoint.disabled").count() == 1


@pytest.mark.parametrize("lacks", ["a version", "a mapping", "nothing"])
def test_nobody_moves_where_the_versions_of_the_api_are_others(lacks: str, other: str, receiver: Receiver) -> None:
    declare_versions()
    customer = create_customer({"uid": "acme", "name": "Acme"}, actor=ACTOR)
    with working_in(other):
        declare_versions()
        if lacks == "a version":
            ApiVersion.objects.filter(name=NEW).update(released_at=None)
        elif lacks == "a mapping":
            save_change(ApiVersion.objects.get(name=NEW), "order.made", {"down": "{a: c}"}, actor=ACTOR, force=True)
    words = {"a version": f"{OLD}, {NEW} here and {OLD} in b", "a mapping": f"mappings of version {NEW} for order.made"}
    with a_link(customer, other) as link:
        said = list(survey(link, log_days=1))[-1]
    assert words.get(lacks, "It may move to b") in said
    if lacks != "nothing":
        with pytest.raises(Conflict, match="declare them alike first"):
            run(customer, other)
        emit(customer, "order.made", b'{"b": 7}')


def test_a_job_that_somebody_starts_on_the_way_calls_the_move_off(other: str, receiver: Receiver) -> None:
    customer = create_customer({"uid": "acme", "name": "Acme"}, actor=ACTOR)
    endpoint, _ = create_endpoint(customer, {"url": receiver.url}, actor=ACTOR)
    emit(customer, "order.made")
    selection = Selection(endpoint_id=endpoint.id)
    with a_link(customer, other) as link:
        steps = move(link, log_days=1, switch=lambda: None, actor=ACTOR, pause=Pause())
        while next(steps).name != "changes":
            pass
        start_job(Job.Kind.REDELIVER, selection, customer=customer, actor=ACTOR)
        with pytest.raises(Conflict, match="jobs of it are under way"):
            list(steps)
    assert Customer.objects.get().moving == ""
    Job.objects.update(state=Job.State.DONE)
    run(customer, other)


def test_keys_of_services_that_the_other_cell_lacks_are_named_before_the_move(other: str, receiver: Receiver) -> None:
    customer = create_customer({"uid": "acme", "name": "Acme"}, actor=ACTOR)
    create_api_key("billing", ["events:write"], actor=ACTOR)
    with a_link(customer, other) as link:
        assert unknown_keys(link) == ["billing"]
        assert "b does not know the keys of these services: billing." in list(survey(link, log_days=1))
