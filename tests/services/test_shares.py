"""A web process is everybody's: one customer holds its share of it, and others find theirs free."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import SimpleNamespace
from uuid import UUID

import pytest

from deliveries.errors import TooManyAtOnce
from deliveries.evaluator.turns import asking_for
from deliveries.models import Customer, Endpoint, Lane
from deliveries.services.endpoint.poll_waits import PollWaits, in_all
from deliveries.services.people.members import add_member
from deliveries.services.process import shares as shares_module
from deliveries.services.process.budgets import Budgets
from deliveries.services.process.shares import DearWork, RequestShares, posted_events, requests_and_pages, waiting_limit
from tests.api.conftest import ALL_SCOPES, Caller, caller_with
from tests.browsers import logged_in
from tests.own_time import give_own_time
from tests.settings import SETTINGS

ALICE, BOB = UUID(int=1), UUID(int=2)
FOR_EVER = 86_400.0  # who should be refused at once and waits instead hangs


@pytest.fixture(autouse=True)
def few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares_module, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(SETTINGS, "web_threads", 32)


@contextmanager
def holding(shares: RequestShares, customer_id: UUID, number: int) -> Iterator[None]:
    """So many requests of a customer are under way."""
    if not number:
        yield
        return
    with shares.place(customer_id), holding(shares, customer_id, number - 1):
        yield


def test_beyond_its_share_a_customer_is_refused_and_another_is_not() -> None:
    shares = RequestShares("events_at_once", Budgets())
    with holding(shares, ALICE, 2):
        with pytest.raises(TooManyAtOnce) as refused, shares.place(ALICE):
            pass
        assert (refused.value.limit, refused.value.figure) == ("events_at_once", 2)
        with shares.place(BOB), shares.place(None):
            pass
    with shares.place(ALICE):
        pass


def test_a_request_that_fails_gives_its_place_back() -> None:
    shares = RequestShares("requests_at_once", Budgets())
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), shares.place(ALICE):
            raise ValueError("broken")
    assert not shares.under_way()


def test_whoever_finds_no_place_waits_a_moment_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares_module, "WAIT_SECONDS", 30)
    shares, served = RequestShares("events_at_once", Budgets()), []

    def take() -> None:
        with shares.place(ALICE):
            served.append(1)

    with holding(shares, ALICE, 2):
        waiting = [threading.Thread(target=take) for _ in range(4)]
        for thread in waiting:
            thread.start()
        assert not served
    for thread in waiting:
        thread.join()
    assert (len(served), shares.under_way()) == (4, 0)


def test_few_wait_and_the_others_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares_module, "WAIT_SECONDS", FOR_EVER)
    shares = RequestShares("events_at_once", Budgets())
    with holding(shares, ALICE, 2):
        shares._customers[ALICE].waiting = waiting_limit()
        with pytest.raises(TooManyAtOnce), shares.place(ALICE):
            pass
        shares._customers[ALICE].waiting = 0


def test_those_who_wait_leave_threads_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares_module, "WAIT_SECONDS", FOR_EVER)
    shares = RequestShares("events_at_once", Budgets())
    crowd = [UUID(int=10 + number) for number in range(2 * waiting_limit())]
    with ExitStack() as held:
        for customer in [ALICE, *crowd]:
            held.enter_context(holding(shares, customer, 2))
        for customer in crowd:
            shares._customers[customer].waiting = 1
        with pytest.raises(TooManyAtOnce), shares.place(ALICE):
            pass
        for customer in crowd:
            shares._customers[customer].waiting = 0
    monkeypatch.setattr(PollWaits, "_start", lambda self: None)  # nobody looks for them here
    waits = PollWaits()
    with ExitStack() as held:
        mine = [held.enter_context(waits.place(ALICE, ALICE)) for _ in range(3)]
        assert [place is not None for place in mine] == [True, True, False]
        others = [held.enter_context(waits.place(each, each)) for each in crowd]
        assert 2 + sum(place is not None for place in others) == in_all() == 8
    assert waits.waiting() == 0


def test_whoever_waits_for_a_place_holds_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[int] = []
    monkeypatch.setattr(shares_module, "is_sharing", lambda: True)
    monkeypatch.setattr(shares_module, "close_old_connections", lambda: given_back.append(1))
    shares = RequestShares("requests_at_once", Budgets())
    with holding(shares, ALICE, 2):
        assert not given_back
        with pytest.raises(TooManyAtOnce), shares.place(ALICE):
            pass
    assert given_back == [1]


@pytest.fixture
def a_fifth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "customer_share", 20)


@pytest.mark.usefixtures("a_fifth")
def test_who_has_used_up_its_time_is_refused_while_others_want_some() -> None:
    shares = RequestShares("events_at_once", Budgets())
    with shares.place(BOB), shares.place(ALICE, body_bytes=100_000_000):
        pass
    with pytest.raises(TooManyAtOnce) as refused, shares.place(ALICE):
        pass
    assert (refused.value.limit, refused.value.figure) == ("processor_percent", 20)
    assert not shares.under_way()
    with shares.place(BOB), shares.place(None):
        pass


@pytest.mark.usefixtures("a_fifth")
def test_what_pages_cost_is_part_of_one_account_with_events() -> None:
    budgets = Budgets()
    events, pages = RequestShares("events_at_once", budgets), RequestShares("requests_at_once", budgets)
    with pages.place(BOB), pages.place(ALICE, body_bytes=100_000_000):
        pass
    with pytest.raises(TooManyAtOnce), events.place(ALICE):
        pass


@pytest.mark.usefixtures("a_fifth")
def test_the_parts_of_an_export_draw_on_the_account_and_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets, slept = Budgets(), []
    monkeypatch.setattr(shares_module, "_budgets", budgets)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        budgets._budgets[ALICE].seconds = 1.0

    def parts() -> Generator[bytes, None, None]:
        yield b"1"
        budgets._budgets[ALICE].seconds = -0.2
        yield b"2"
        yield b"3"

    give_own_time(monkeypatch, shares_module, sleep=sleep)
    budgets.note(None, time.monotonic())
    budgets.note(ALICE, time.monotonic())
    assert list(shares_module.paced(ALICE, parts())) == [b"1", b"2", b"3"]
    assert len(slept) == 1
    assert list(shares_module.paced(None, parts())) == [b"1", b"2", b"3"]


def test_an_export_that_nobody_reads_on_is_closed() -> None:
    closed: list[int] = []

    def parts() -> Generator[bytes, None, None]:
        try:
            yield b"1"
            yield b"2"
        finally:
            closed.append(1)

    answer = shares_module.paced(ALICE, parts())
    assert next(answer) == b"1"
    answer.close()
    assert closed == [1]


def test_many_threads_hold_no_more_than_the_share() -> None:
    shares = RequestShares("events_at_once", Budgets())
    all_here, refused = threading.Barrier(20), []

    def take() -> None:
        all_here.wait()
        try:
            with shares.place(ALICE):
                all_here.wait()
        except TooManyAtOnce as error:
            refused.append(error)
            all_here.wait()

    threads = [threading.Thread(target=take) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 18


def tenant(uid: str) -> tuple[Customer, Caller]:
    customer = Customer.objects.create(name=uid, uid=uid)
    return customer, caller_with(*ALL_SCOPES, customer=customer, name=uid)


@pytest.mark.django_db
def test_the_api_refuses_beyond_the_share_with_429_and_serves_others() -> None:
    (alice, alices), (_, bobs) = tenant("alice"), tenant("bob")
    ops = caller_with(*ALL_SCOPES)
    with holding(requests_and_pages, alice.id, 2), holding(posted_events, alice.id, 2):
        refused = alices.get("/deliveries")
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert (refused.json["limit"], refused.json["owner"]) == ("requests_at_once", alice.public_id)
        assert alices.post("/events", {"customer": "alice", "type": "a.b", "data": {}}).status == 429
        assert bobs.get("/deliveries").status == ops.get("/deliveries").status == 200
        for caller, whose in ((bobs, "bob"), (ops, "alice")):
            assert caller.post("/events", {"customer": whose, "type": "a.b", "data": {}}).status == 202
    assert alices.get("/deliveries").status == 200
    assert requests_and_pages.under_way() == posted_events.under_way() == 0


@pytest.mark.django_db
def test_the_portal_refuses_beyond_the_share_and_serves_others() -> None:
    browsers = []
    for uid in ("alice", "bob"):
        member = add_member(tenant(uid)[0], uid, actor="user:root")
        browsers.append((member.customer_id, logged_in(member.user)))
    (alice, alices), (_, bobs) = browsers
    with holding(requests_and_pages, alice, 2):
        refused = alices.get("/portal/")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert bobs.get("/portal/").status_code == 200
    assert alices.get("/portal/").status_code == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("a_fifth")
def test_deliveries_of_its_own_posts_are_drawn_on_a_customers_account(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[UUID, int]] = []
    monkeypatch.setattr("deliveries.api.emit.charge", lambda by, *, deliveries: drawn.append((by, deliveries)))
    (alice, alices), ops = tenant("alice"), caller_with(*ALL_SCOPES)
    for _ in range(3):
        Lane.objects.create(endpoint=Endpoint.objects.create(customer=alice, url="https://example.com/"))
    event = {"customer": "alice", "type": "a.b", "data": {}}
    for caller in (alices, ops):
        assert caller.post("/events", event).json["deliveries"] == 3
        assert caller.post("/events/batch", {"events": [event, event]}).status == 202
    assert drawn == [(alice.id, 3), (alice.id, 6)]


@pytest.mark.usefixtures("a_fifth")
def test_who_has_others_make_very_many_deliveries_waits_for_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = Budgets()
    monkeypatch.setattr(shares_module, "_budgets", budgets)
    shares = RequestShares("events_at_once", budgets)
    with shares.place(BOB), shares.place(ALICE):
        shares_module.charge(ALICE, deliveries=1_000_000)
    with pytest.raises(TooManyAtOnce), shares.place(ALICE):
        pass
    with shares.place(BOB), shares.place(None):
        pass


def test_what_a_customer_has_postgresql_do_for_long_is_drawn_on_its_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given clocks that say 3 s went by, of which this process worked 0.5 s itself, then the rest is drawn."""
    drawn: list[tuple[UUID, int, float]] = []
    monkeypatch.setattr(
        shares_module, "charge", lambda by, *, deliveries, seconds: drawn.append((by, deliveries, seconds))
    )
    clocks = {"monotonic": itertools.count(0.0, 3.0), "thread_time": itertools.count(0.0, 0.5)}
    told = {name: partial(next, clock) for name, clock in clocks.items()}
    monkeypatch.setattr(shares_module, "time", SimpleNamespace(**told))
    work = DearWork()
    with asking_for(ALICE), work.turn():
        pass
    with asking_for(None), work.turn():
        pass
    assert drawn == [(ALICE, 0, 2.5)]


def test_a_customer_has_one_piece_of_dear_work_at_a_time_and_others_theirs() -> None:
    work = DearWork()
    with asking_for(ALICE), work.turn():
        with pytest.raises(TooManyAtOnce) as refused, work.turn():
            pass
        assert (refused.value.limit, str(refused.value)) == ("processor_percent", shares_module.UNDER_WAY)
        for other in (BOB, None):
            with asking_for(other), work.turn():
                pass
    with pytest.raises(ValueError, match="broken"), asking_for(ALICE), work.turn():
        raise ValueError("broken")
    with asking_for(ALICE), work.turn():
        pass
