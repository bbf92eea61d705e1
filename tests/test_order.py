"""How the files of a run are handed out."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.order import LONG, LONG_BETWEEN, WAITING, spread


def items_of(files: dict[str, int]) -> list[Any]:
    ids = [f"{name}::test_{number}" for name, count in files.items() for number in range(count)]
    return [SimpleNamespace(nodeid=each) for each in ids]


def test_long_files_come_first_and_those_that_wait_are_among_them() -> None:
    given = items_of(
        {"tests/api/a.py": 2, "tests/api/b.py": 3, "tests/faults/f.py": 1, "tests/faults/g.py": 2, "tests/test_c.py": 1}
    )
    found = spread(given)
    files = list(dict.fromkeys(item.nodeid.partition("::")[0] for item in found))
    names = ["tests/api/b.py", "tests/api/a.py", "tests/faults/g.py", "tests/test_c.py", "tests/faults/f.py"]
    assert files == names
    assert sorted(item.nodeid for item in found) == sorted(item.nodeid for item in given)


def test_files_that_take_long_are_not_left_for_the_end() -> None:
    many = {f"tests/api/{number:02}.py": 1 for number in range(3 * LONG_BETWEEN)}
    files = [item.nodeid.partition("::")[0] for item in spread(items_of(many | dict.fromkeys(LONG[:2], 1)))]
    assert [files.index(name) for name in LONG[:2]] == [LONG_BETWEEN, 2 * LONG_BETWEEN + 1]
    assert sorted(files) == sorted([*many, *LONG[:2]])


def test_a_file_stays_whole_and_in_order() -> None:
    found = spread(items_of({"tests/api/a.py": 3, "tests/faults/f.py": 2}))
    assert [item.nodeid[-1] for item in found] == ["0", "1", "2", "0", "1"]


def test_the_rooms_that_wait_are_there() -> None:
    here = Path(__file__).parent
    assert [room for room in WAITING if not (here / room).is_dir()] == []
    assert [name for name in LONG if not (here.parent / name).is_file()] == []
