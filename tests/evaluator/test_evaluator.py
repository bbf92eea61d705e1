"""The process that evaluates transformations: hostile ones end by its bounds, and the next one is evaluated."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest

from deliveries.errors import CannotShape, Unavailable
from deliveries.evaluator import child, line, process
from deliveries.evaluator.process import Evaluator
from deliveries.protocol.events.api_versions import MappingStep

NUMBERS = b",".join([b"1"] * 3000)
EVENT = b'{"id":"evt_1","type":"a.b","timestamp":"t","data":{"s":"%b","l":[%b]}}' % (b"x" * 1000, NUMBERS)
# Which bound ends one that grows depends on the machine: time or memory.
EITHER = {"transformation_too_large", "transformation_timeout"}
HOSTILE = {
    "doubled texts": ("data.s|" + "|".join(["join('',[@,@])"] * 40), EITHER),
    "doubled lists": ("data.l|" + "|".join(["[@[],@[]][]"] * 40), EITHER),
    "escaped again and again": ("data|" + "|".join(["to_string([@])"] * 40), EITHER),
    "sorted again and again": ("data.l|" + "|".join(["sort_by(@,&to_number(to_string(@)))"] * 100), EITHER),
    "parts of parts": ("|".join(["[@,@]"] * 60), {"transformation_too_large"}),
    "parts of parts in a text": ("|".join([*["[@,@]"] * 60, "to_string(@)|length(@)"]), EITHER),
}
PARTS = "|".join(["@", *["[@,@]"] * 40])
# Each is one step of the interpreter, which takes for ever.
ONE_STEP = {
    "parts of parts compared": f"[{PARTS},{PARTS}]|[0]==[1]",
    "parts of parts told apart": f"[{PARTS},{PARTS}]|[0]!=[1]",
    "parts of parts looked for": f"[[{PARTS}],{PARTS}]|contains([0],[1])",
}


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    """One for all: whatever one test does to it, the next one finds it well."""
    made = Evaluator()
    yield made
    made.close()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_transformation_that_grows_or_takes_long_ends_and_harms_no_other(evaluator: Evaluator, name: str) -> None:
    text, errors = HOSTILE[name]
    with pytest.raises(CannotShape) as refused:
        evaluator.transform(text, EVENT)
    assert refused.value.error in errors
    assert evaluator.transform("type", EVENT) == b'"a.b"'


@pytest.mark.parametrize("name", ONE_STEP)
def test_one_step_that_no_signal_interrupts_is_ended_by_the_kernel_and_named(evaluator: Evaluator, name: str) -> None:
    with pytest.raises(CannotShape) as refused:
        evaluator.transform(ONE_STEP[name], EVENT)
    told = "the transformation takes longer than 0.2 s of processor time"
    assert (refused.value.error, refused.value.detail) == ("transformation_timeout", told)
    with pytest.raises(CannotShape) as refused:
        evaluator.transform("type", EVENT, steps=[MappingStep("v2 to v1", f"{{same: {ONE_STEP[name]}}}")])
    assert refused.value.detail == "mapping and transformation take longer than 0.2 s of processor time"
    assert evaluator.transform("type", EVENT) == b'"a.b"'


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_a_process_that_crashes_for_want_of_memory_made_too_much(evaluator: Evaluator, number: int) -> None:
    assert evaluator.transform("type", EVENT) == b'"a.b"'
    process_of(evaluator).send_signal(number)
    with pytest.raises(CannotShape) as refused:
        evaluator.transform("type", EVENT)
    assert refused.value.error == "transformation_too_large"


def test_mappings_and_a_transformation_have_one_budget_together(evaluator: Evaluator) -> None:
    """Given mappings of which each is within its bounds, then all of them together are not."""
    sorts = "{l: " + "|".join(["l", *["sort_by(@,&to_number(to_string(@)))"] * 4]) + "}"
    step = MappingStep("v2 to v1", sorts)
    assert len(evaluator.transform("", EVENT, steps=[step])) > 3000
    with pytest.raises(CannotShape) as refused:
        evaluator.transform("data", EVENT, steps=[step] * 60)
    assert refused.value.error == "transformation_timeout"
    assert "mapping and transformation take longer than" in refused.value.detail
    steps = [MappingStep("v3 to v2", "{s: s}"), MappingStep("v2 to v1", "{t: s}")]
    assert evaluator.transform("length(data.t)", EVENT, steps=steps) == b"1000"
    with pytest.raises(CannotShape) as refused:
        evaluator.transform("", EVENT, steps=[*steps, MappingStep("v1 to v0", "nothing")])
    assert refused.value.error == "version_mapping_failed"


def process_of(evaluator: Evaluator) -> psutil.Process:
    assert evaluator._process is not None
    return psutil.Process(evaluator._process.pid)


def test_a_process_that_somebody_killed_is_followed_by_another_and_the_question_is_put_again(
    evaluator: Evaluator,
) -> None:
    assert evaluator.transform("type", EVENT) == b'"a.b"'
    one = process_of(evaluator)
    assert one.environ() == {}
    one.kill()
    assert evaluator.transform("type", EVENT) == b'"a.b"'
    assert process_of(evaluator) != one


def test_what_ends_two_processes_is_not_tried_on_a_third(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[None] = []
    start = Evaluator._start

    def start_and_kill(self: Evaluator) -> socket.socket:
        started.append(None)
        line = start(self)
        process_of(self).kill()
        return line

    with monkeypatch.context() as patch:
        patch.setattr(Evaluator, "_start", start_and_kill)
        evaluator._end()
        with pytest.raises(CannotShape) as refused:
            evaluator.transform("type", EVENT)
    assert (refused.value.error, len(started)) == ("transformation_failed", 2)
    assert evaluator.transform("type", EVENT) == b'"a.b"'


def test_a_process_that_gets_no_processor_time_is_waited_for(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a process that stands still for longer than a round, when it goes on, then its answer counts."""
    assert evaluator.transform("type", EVENT) == b'"a.b"'
    one, asked = process_of(evaluator), []

    def look(_pid: int) -> float:
        asked.append(None)
        if len(asked) == 3:  # before the question, and after a round
            one.resume()
        return 1.0

    monkeypatch.setattr(line, "processor_seconds", look)
    monkeypatch.setattr(line, "ROUNDS", 10**9)
    one.suspend()
    wait_in_rounds_of(0.01, evaluator)
    assert evaluator.transform("type", EVENT) == b'"a.b"'
    assert process_of(evaluator) == one
    wait_in_rounds_of(line.ROUND_SECONDS, evaluator)


def test_a_process_that_never_gets_any_is_given_up_and_its_question_is_nobodys_fault(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert evaluator.transform("type", EVENT) == b'"a.b"'
    one = process_of(evaluator)
    one.suspend()
    wait_in_rounds_of(0.01, evaluator)
    monkeypatch.setattr(line, "ROUNDS", 3)
    with pytest.raises(Unavailable):
        evaluator.transform("type", EVENT)
    assert not one.is_running()
    assert evaluator.transform("type", EVENT) == b'"a.b"'


def test_a_process_that_uses_far_more_than_its_budget_and_does_not_answer_is_stuck(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert evaluator.transform("type", EVENT) == b'"a.b"'
    one, used = process_of(evaluator), itertools.count(0.0, line.STUCK_SECONDS + 0.1)
    one.suspend()
    wait_in_rounds_of(0.01, evaluator)
    monkeypatch.setattr(line, "processor_seconds", lambda _pid: next(used))
    with pytest.raises(CannotShape) as refused:
        evaluator.transform("type", EVENT)
    assert refused.value.error == "transformation_timeout"
    assert not one.is_running()
    assert evaluator.transform("type", EVENT) == b'"a.b"'


def wait_in_rounds_of(seconds: float, evaluator: Evaluator) -> None:
    assert evaluator._line is not None
    evaluator._line.settimeout(seconds)


def test_the_processor_time_of_a_process_is_its_own() -> None:
    assert line.processor_seconds(os.getpid()) > 0
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert line.processor_seconds(gone.pid) == 0


def test_a_machine_that_starts_no_process_is_no_transformations_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise OSError(errno.EAGAIN, "no process")

    fresh = Evaluator()
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(Unavailable):
            fresh.transform("type", EVENT)
    assert fresh.transform("type", EVENT) == b'"a.b"'
    fresh.close()


def test_who_cannot_be_served_in_time_is_told(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WAIT_SECONDS", 0.0)
    with evaluator._turns.turn(wait_seconds=0.0), pytest.raises(Unavailable):
        evaluator.transform("type", EVENT)


def test_a_message_is_read_whole_however_it_comes_and_its_end_is_noticed() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        message = child.written(b"data.s", b"x" * 200_000)
        parts = [message[start : start + 999] for start in range(0, len(message), 999)]
        sender = threading.Thread(target=lambda: [ours.sendall(part) for part in parts])
        sender.start()
        assert child.read(theirs) == (b"data.s", b"x" * 200_000)
        sender.join()
        ours.sendall(child.written(b"", b""))
        assert child.read(theirs) == (b"", b"")
        ours.sendall(message[:50])
        ours.close()
        assert child.read(theirs) is None


def test_one_that_was_closed_evaluates_nothing_more() -> None:
    closed = Evaluator()
    closed.close()
    with pytest.raises(CannotShape):
        closed.transform("type", EVENT)
