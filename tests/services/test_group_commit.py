"""Group commit: who comes while a commit goes on shares the next one, and no error keeps anybody waiting."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from deliveries.services.process.group_commit import Ending, GroupCommit, committing_seconds


class Shelf:
    """Where groups end; each commit waits to be let through."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)

    def commit(self, group: Sequence[int]) -> None:
        self.begun.release()
        self.may_end.acquire()
        self.groups.append(sorted(group))
        if 13 in group:
            raise RuntimeError("unlucky")


def submitted(commits: GroupCommit[int], *items: int) -> list[threading.Thread]:
    """Callers on threads of their own, which are known to wait."""
    before = len(commits._callers)
    threads = [threading.Thread(target=commits.submit, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    while len(commits._callers) < before + len(items):
        assert all(thread.is_alive() for thread in threads)
    return threads


def begun(shelf: Shelf, commits: GroupCommit[int], item: int) -> threading.Thread:
    """A caller whose commit goes on."""
    caller = threading.Thread(target=commits.submit, args=(item,))
    caller.start()
    assert shelf.begun.acquire(timeout=60)
    return caller


def finish(shelf: Shelf, *callers: threading.Thread) -> None:
    for _ in range(10):
        shelf.may_end.release()
    for caller in callers:
        caller.join(60)
        assert not caller.is_alive()


def test_callers_who_come_during_a_commit_share_the_next() -> None:
    shelf = Shelf()
    commits = GroupCommit(shelf.commit, limit=100)
    first = begun(shelf, commits, 1)
    others = submitted(commits, 2, 3, 4)
    finish(shelf, first, *others)
    assert shelf.groups == [[1], [2, 3, 4]]


def test_a_group_has_at_most_its_limit() -> None:
    shelf = Shelf()
    commits = GroupCommit(shelf.commit, limit=2)
    first = begun(shelf, commits, 1)
    others = submitted(commits, 2, 3, 4)
    finish(shelf, first, *others)
    assert [len(group) for group in shelf.groups] == [1, 2, 1]


def test_an_error_lets_its_callers_go_and_the_next_group_is_committed() -> None:
    shelf = Shelf()
    commits = GroupCommit(shelf.commit, limit=100)
    first = begun(shelf, commits, 13)
    others = submitted(commits, 2)
    finish(shelf, first, *others)
    assert shelf.groups == [[13], [2]]


def test_a_caller_who_meets_nobody_commits_in_its_own_thread() -> None:
    threads: list[threading.Thread] = []
    commits = GroupCommit[int](lambda group: threads.append(threading.current_thread()), limit=100)
    assert {commits.submit(item) for item in range(3)} == {Ending.COMMITTED}
    assert threads == [threading.current_thread()] * 3
    before = committing_seconds()
    commits.submit(3)
    assert committing_seconds() > before, "what it cost is known, so that it is not counted twice"


def test_a_caller_gives_up_before_its_item_was_taken() -> None:
    """Given a commit that does not end, then who is not in it will never be committed."""
    shelf = Shelf()
    commits = GroupCommit(shelf.commit, limit=100, wait_seconds=0.2)
    first = begun(shelf, commits, 1)
    assert commits.submit(2) is Ending.NOT_BEGUN
    third = submitted(commits, 3)
    finish(shelf, first, *third)
    assert 2 not in [each for group in shelf.groups for each in group]


def test_a_caller_gives_up_whose_commit_does_not_end() -> None:
    """Given an item that was taken for a commit that does not end, then nobody can know what became of it."""
    for patience in (0.2, 2.0, 20.0):  # a machine that stands still may let it give up before it is taken
        shelf = Shelf()
        commits = GroupCommit(shelf.commit, limit=100, wait_seconds=patience)
        first = begun(shelf, commits, 1)
        endings: list[Ending] = []
        second = threading.Thread(target=lambda into, of: into.append(of.submit(2)), args=(endings, commits))
        second.start()
        while len(commits._callers) < 2 and second.is_alive():
            pass
        shelf.may_end.release()
        first.join(60)
        second.join(60)
        finish(shelf)
        if endings == [Ending.UNKNOWN]:
            return
    raise AssertionError(endings)


def test_a_commit_that_is_stuck_keeps_only_some_threads() -> None:
    """Given two places and a commit that hangs, then the third caller is sent away at once, and no event of it kept."""
    shelf = Shelf()
    commits = GroupCommit(shelf.commit, limit=100, places=2)
    waiting = [begun(shelf, commits, 1), *submitted(commits, 2)]
    while not commits._is_stuck():
        assert all(each.is_alive() for each in waiting)
    assert commits.submit(3) is Ending.NOT_BEGUN
    finish(shelf, *waiting)
    assert shelf.groups == [[1], [2]]
    fourth = begun(shelf, commits, 4)
    finish(shelf, fourth)
