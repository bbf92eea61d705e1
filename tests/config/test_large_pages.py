"""Large pages: which memory is laid together, and that nothing else happens where that cannot be."""

from __future__ import annotations

import mmap
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deliveries.management import large_pages
from deliveries.management.large_pages import AREAS, COLLAPSE, filled_areas, lay_together, lay_together_soon

MB = 1 << 20
SIZE = 8 * MB
REST = "Size:               8192 kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n"


def area(start: int, rights: str, inode: int, name: str, *, resident_kb: int) -> str:
    """Return an area of 8 MB as /proc/PID/smaps has it."""
    device = "00:00" if inode == 0 else "fe:00"
    head = f"{start:x}-{start + SIZE:x} {rights} 00000000 {device} {inode} {name}".rstrip()
    return f"{head}\n{REST}Rss:             {resident_kb:6} kB\nPss:             {resident_kb:6} kB\nVmFlags: rd wr\n"


def test_only_memory_of_no_file_that_is_nearly_all_in_use_is_laid_together() -> None:
    areas = [
        area(0x10000000, "r-xp", 0, "", resident_kb=8192),
        area(0x20000000, "rw-p", 0, "[heap]", resident_kb=8000),
        area(0x30000000, "rw-p", 0, "", resident_kb=6144),
        area(0x40000000, "rw-p", 0, "", resident_kb=6143),
        area(0x50000000, "rw-p", 18710, "/usr/lib/libpython3.11.so.1.0", resident_kb=8192),
        area(0x60000000, "rw-s", 0, "", resident_kb=8192),
        area(0x7FFFFF000000, "rw-p", 0, "[anon: a name]", resident_kb=8192),
    ]
    starts = [0x20000000, 0x30000000, 0x7FFFFF000000]
    assert list(filled_areas("".join(areas))) == [(start, start + SIZE) for start in starts]


def test_what_the_kernel_tells_of_this_process_is_understood() -> None:
    told = AREAS.read_text()
    found = list(filled_areas(told))
    assert found
    assert all(re.search(rf"^{start:x}-{end:x} rw-p ", told, re.MULTILINE) for start, end in found)


@pytest.fixture
def memory() -> Iterator[mmap.mmap]:
    """Yield memory of its own whose pages are all in use, and small."""
    with mmap.mmap(-1, 16 * MB, flags=mmap.MAP_PRIVATE) as made:
        made.madvise(mmap.MADV_NOHUGEPAGE)
        made.write(b"x" * len(made))
        made.madvise(mmap.MADV_HUGEPAGE)
        yield made


def test_memory_in_use_comes_to_lie_on_large_pages(memory: mmap.mmap) -> None:
    with mmap.mmap(-1, 16 * MB, flags=mmap.MAP_PRIVATE) as tried:
        tried.write(b"x" * len(tried))
        try:
            tried.madvise(COLLAPSE)
        except OSError:
            pytest.skip("this kernel has no large pages to give")
    before = large_kb()
    lay_together()
    assert large_kb() > before
    assert memory[:] == b"x" * len(memory)


def large_kb() -> int:
    """Return how much of this process's memory lies on large pages."""
    return sum(map(int, re.findall(r"^AnonHugePages: +(\d+) kB", AREAS.read_text(), re.MULTILINE)))


@pytest.mark.parametrize("lacking", ["the memory's description", "ctypes", "nothing"])
def test_where_something_is_lacking_all_stays_as_it_is(
    lacking: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Given a system without /proc, or a Python without ctypes, then no memory is chosen, and nobody hears of it."""
    looked_at: list[str] = []

    def none_filled(told: str) -> list[tuple[int, int]]:
        looked_at.append(told)
        return []

    monkeypatch.setattr(large_pages, "filled_areas", none_filled)
    if lacking == "ctypes":
        monkeypatch.setitem(sys.modules, "ctypes", None)
    elif lacking != "nothing":
        monkeypatch.setattr(large_pages, "AREAS", tmp_path / "none")
    lay_together()
    assert len(looked_at) == (lacking == "nothing")


def test_no_start_waits_for_it_and_no_end() -> None:
    lay_together_soon()
    (timer,) = [each for each in threading.enumerate() if each.name == "large-pages"]
    assert isinstance(timer, threading.Timer)
    timer.cancel()
    assert timer.daemon
    assert timer.interval == large_pages.AFTER_SECONDS
