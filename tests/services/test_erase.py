"""A customer is erased: no table holds a word of it, and others keep all that is theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import pytest
from axes.models import AccessLog
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.timezone import now

from deliveries.models import Alert, AuditEntry, Customer, Delivery, Endpoint, Event, ImportLine, Job, Lane
from deliveries.services import erase
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.common.audit import record_act
from deliveries.services.customers import create_customer, delete_customer, update_customer
from deliveries.services.endpoints import create_endpoint
from deliveries.services.erase import erase_customer
from deliveries.services.people.members import add_member
from deliveries.services.people.saved_views import save_view
from deliveries.services.reading.selection import Selection
from deliveries.services.resending import jobs
from tests.engine.steps import let_time_pass, take_turn
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def filled(name: str, receiver: Receiver) -> Customer:
    """A customer whose name is in all that it has, with a log of successes, failures and what still waits."""
    customer = create_customer({"uid": f"{name}-old", "name": f"{name} Ltd", "metadata": {"of": name}}, actor="key:ops")
    imported = Job.objects.create(kind=Job.Kind.IMPORT, actor="user:root", state=Job.State.DONE)
    line = {"kind": "customer", "uid": f"{name}-old", "customer": f"{name}-old", "result": "imported"}
    ImportLine.objects.create(job=imported, place="customers[0]", **line)
    update_customer(customer, {"uid": f"{name}-uid"}, actor="user:root")
    add_member(customer, f"{name}-carol", email=f"carol@{name}.example", actor="user:root")
    AccessLog.objects.create(username=f"{name}-carol")
    url = f"{receiver.url}/{name}"
    endpoint, _ = create_endpoint(customer, {"url": url, "headers": {"x-of": name}}, actor="user:root")
    for status in (204, 500):
        receiver.answer = lambda _, status=status: (status, {"x-of": name}, name.encode())  # type: ignore[misc]
        draft = EventDraft(type="invoice.paid", data=b'{"of": "%b"}' % name.encode(), customer_id=customer.id)
        accept_event(draft)
        take_turn(endpoint)
    let_time_pass(endpoint)
    everything = Selection(customer_id=customer.id)
    jobs.start_job(Job.Kind.REDELIVER, everything, customer=customer, actor="user:root", reason=f"for {name}")
    jobs.start_job(Job.Kind.REDELIVER, everything, customer=None, actor="user:root", reason=f"for {name}")
    Alert.objects.create(
        kind=Alert.Kind.CANNOT_SEND, endpoint=endpoint, since=now(), created_at=now(), reason=f"key of {name}"
    )
    root = get_user_model().objects.get_or_create(username="root")[0]
    for view, query in ((f"{name} fails", f"state=exhausted&customer={name}-uid"), (f"{name}", f"q={name}+Ltd")):
        save_view(root, "deliveries", view, query)
    record_act("user:root", "delivery.export", object_id="deliveries", detail={"filter": {"customer": f"{name}-uid"}})
    return customer


def found(words: Iterable[str]) -> set[str]:
    """The tables in which one of these words stands, in any column, in the clear."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        tables = [name for (name,) in cursor.fetchall()]
        hits = set()
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            text = "\n".join(str(row) for row in cursor.fetchall())
            if any(word in text or word.encode().hex() in text for word in words):
                hits.add(re.sub(r"_p\d{8}$", "", table))
    return hits


def words_of(customer: Customer, name: str) -> list[str]:
    """What would tell of a customer: its name, which is in all that it made, and its ids."""
    endpoint = Endpoint.objects.get(customer=customer)
    events = Event.objects.filter(customer_id=customer.id)
    return [
        *(name, str(customer.id), customer.public_id, str(endpoint.id), endpoint.public_id),
        *(str(event.id) for event in events),
    ]


def test_no_table_holds_a_word_of_who_was_erased_and_others_lose_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "BATCH", 1)
    gone, kept = filled("zebrafish", receiver), filled("armadillo", receiver)
    words, others = words_of(gone, "zebrafish"), words_of(kept, "armadillo")
    before, of_others = found(words), found(others)
    assert before >= {"hookpost_event", "hookpost_delivery", "hookpost_attempt", "hookpost_audit_entry", "auth_user"}
    sum(erase_customer(gone.id, actor="user:root"))
    assert found(words) == {"hookpost_audit_entry"}
    (entry,) = AuditEntry.objects.filter(object_id=gone.public_id)
    assert (entry.action, entry.detail) == ("customer.erase", {})
    assert found(words[:2]) == set()
    assert found(others) == of_others
    assert Delivery.objects.filter(customer_id=kept.id).count() == 2


def test_a_customer_that_was_deleted_before_is_erased_by_its_id(receiver: Receiver) -> None:
    gone = filled("zebrafish", receiver)
    customer_id = gone.id
    delete_customer(gone, actor="user:root")
    call_command("erase_customer", Customer(id=customer_id).public_id, "--yes")
    assert not Event.objects.filter(customer_id=customer_id).exists()
    assert not Delivery.objects.filter(customer_id=customer_id).exists()


def test_it_may_be_stopped_and_run_again(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase, "BATCH", 1)
    gone = filled("zebrafish", receiver)
    steps = erase_customer(gone.id, actor="user:root")
    next(steps), next(steps), next(steps)  # the endpoint, the customer, a delivery
    steps.close()
    assert Delivery.objects.filter(customer_id=gone.id).count() == 1
    sum(erase_customer(gone.id, actor="user:root"))
    assert found(["zebrafish"]) == set()


def test_the_trail_is_looked_through_once_for_very_many_deliveries(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a customer that was deleted before, whose endpoints only the log tells, and steps of one delivery each."""
    monkeypatch.setattr(erase, "BATCH", 1)
    looked = []
    whole = erase._erase_traces
    monkeypatch.setattr(erase, "_erase_traces", lambda *asked: looked.append(asked) or whole(*asked))  # type: ignore[func-returns-value]
    gone = filled("zebrafish", receiver)
    _, *words = words_of(gone, "zebrafish")  # who its people were nobody knows any more
    customer_id = gone.id
    delete_customer(gone, actor="user:root")
    traced = erase.Traced()
    first = erase_customer(customer_id, actor="user:root", traced=traced)
    next(first), next(first)  # traces, a delivery
    first.close()
    assert len(looked) == 1
    sum(erase_customer(customer_id, actor="user:root", traced=erase.Traced(traced.through)))
    assert len(looked) == 2, "the last look is at the end"
    assert found(words) == {"hookpost_audit_entry"}


def test_a_command_that_was_stopped_has_said_by_which_id_it_goes_on(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = filled("zebrafish", receiver)
    customer_id = gone.id

    def stopped(_: UUID, *, actor: str) -> list[int]:
        delete_customer(gone, actor=actor)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("deliveries.management.commands.erase_customer.erase_customer", stopped)
        with pytest.raises(KeyboardInterrupt):
            call_command("erase_customer", "zebrafish-uid", "--yes")
    with pytest.raises(CommandError, match="there is no customer"):
        call_command("erase_customer", "zebrafish-uid", "--yes")
    (said,) = re.findall(r"cus_[0-9a-z]{26}", capsys.readouterr().out)
    call_command("erase_customer", said, "--yes")
    assert not Event.objects.filter(customer_id=customer_id).exists()


def test_the_command_asks_to_be_told_twice(receiver: Receiver) -> None:
    gone = filled("zebrafish", receiver)
    with pytest.raises(CommandError, match="say it again with --yes"):
        call_command("erase_customer", "zebrafish-uid")
    with pytest.raises(CommandError, match="there is no customer nobody"):
        call_command("erase_customer", "nobody", "--yes")
    assert Customer.objects.filter(id=gone.id).exists()


def test_what_is_in_flight_is_waited_for(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a worker that has the lane and may still write attempts, then the log is erased after it."""
    monkeypatch.setattr(erase, "POLL_SECONDS", 0)
    gone = filled("zebrafish", receiver)
    lanes = Lane.objects.filter(endpoint__customer=gone)
    lanes.update(lease_until=now() + timedelta(hours=1))
    steps = erase_customer(gone.id, actor="user:root")
    assert [next(steps) for _ in range(5)] == [0] * 5
    assert Customer.objects.filter(id=gone.id).exists()
    assert Delivery.objects.filter(customer_id=gone.id).count() == 2
    lanes.update(lease_until=None)
    sum(steps)
    assert found(["zebrafish"]) == set()
