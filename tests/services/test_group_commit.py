"""Group commit: who comes while a commit goes on shares the next one, and no error keeps anybody waiting."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from deliveries.services.group_commit import Ending, GroupCommit


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


def test_a_caller_gives_up_and_is_told_whether_its_item_was_taken() -> None:
    """Given a commit that does not end, then whoever is in it cannot know, and who is not will never be committed."""
    shelf = Shelf()
    commits = GroupCommit(shelf.commit, limit=100, wait_seconds=0.2)
    endings: dict[int, Ending] = {}
    first = threading.Thread(target=lambda: endings.update({1: commits.submit(1)}))
    first.start()
    assert shelf.begun.acquire(timeout=10)
    endings[2] = commits.submit(2)
    first.join(10)
    assert endings == {1: Ending.UNKNOWN, 2: Ending.NOT_BEGUN}
    third = submitted(commits, 3)
    finish(shelf, *third)
    assert [each for group in shelf.groups for each in group] == [1, 3] or shelf.groups == [[1]]
    assert 2 not in [each for group in shelf.groups for each in group]


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
