"""Ports of tests: two runs on one machine share none that they keep."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.ports import LASTING, free_ports, keep

CHOOSE = "from tests.ports import *; print([port for port in {ports} if keep(port)])"


@pytest.mark.skipif(sys.platform != "linux", reason="names that the kernel gives once")
def test_a_port_that_a_run_keeps_is_chosen_by_no_other_run() -> None:
    mine = free_ports(3, among=LASTING)
    command = [sys.executable, "-c", CHOOSE.format(ports=mine)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
    assert not any(map(keep, mine)), "nor again by this one"
