"""Group commit: who comes while a commit goes on shares the next one, and no error keeps anybody waiting."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from deliveries.services.group_commit import GroupCommit


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
    before = commits._waiting.qsize()
    threads = [threading.Thread(target=commits.submit, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    while commits._waiting.qsize() < before + len(items):
        assert all(thread.is_alive() for thread in threads)
    return threads


def begun(shelf: Shelf, commits: GroupCommit[int], item: int) -> threading.Thread:
    """A caller whose commit goes on."""
    caller = threading.Thread(target=commits.submit, args=(item,))
    caller.start()
    assert shelf.begun.acquire(timeout=10)
    return caller


def finish(shelf: Shelf, *callers: threading.Thread) -> None:
    for _ in range(10):
        shelf.may_end.release()
    for caller in callers:
        caller.join(10)
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
