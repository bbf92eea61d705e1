"""What attacks, and nothing else: `make test-hostile`, or `python -m tests.hostile`.

Runs the files that attack, and each test that the threat model in docs/security.md names. Prints the cases by
name, in the order of the attack: what receivers, callers and people try, one line each.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = CHECKOUT / "docs/security.md"
ATTACKS = (
    "tests/outbound/test_hostile.py",
    "tests/security/test_hostile_deliveries.py",
    "tests/outbound/test_guard.py",
    "tests/outbound/test_connections.py",
    "tests/outbound/test_resolver.py",
    "tests/outbound/test_names.py",
    "tests/security/test_silent_names.py",
    "tests/outbound/test_descriptors.py",
    "tests/security/test_own_faults.py",
    "tests/outbound/test_egress_proxy.py",
    "tests/outbound/test_client.py",
    "tests/outbound/test_transfers.py",
    "tests/security/test_authorities.py",
    "tests/security/test_fuzz_emit.py",
    "tests/security/test_any_input.py",
    "tests/security/test_any_form.py",
    "tests/security/test_every_address.py",
    "tests/security/test_keys.py",
    "tests/security/test_second_factor.py",
    "tests/security/test_headers.py",
    "tests/security/test_leaks.py",
    "tests/security/test_log_lines.py",
    "tests/security/test_browser.py",
    "tests/api/test_tenants.py",
    "tests/pages/test_isolation.py",
    "tests/protocol/test_urls.py",
)
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def named_in_the_threat_model() -> list[str]:
    """Return the tests that docs/security.md names, in its order, each once."""
    return list(dict.fromkeys(f"{path}::{name}" for path, name in _NAMED.findall(PAGE.read_text())))


def chosen() -> list[str]:
    """Return what pytest is to run: the files, and what the threat model names elsewhere."""
    return [*ATTACKS, *(each for each in named_in_the_threat_model() if each.partition("::")[0] not in ATTACKS)]


@dataclass
class Line:
    """One case: how many tests met it, how long they took together, and what is wrong with it."""

    checks: int = 0
    seconds: float = 0.0
    worst: str = "ok"


class Listing:
    """A plugin of pytest that remembers how each case ended, and lists them all at the end."""

    def __init__(self) -> None:
        self._reports: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of a case that ran, or of one that never came to that."""
        if report.when == "call" or report.outcome != "passed":
            self._reports.append(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the list, one part for each file."""
        count = 0
        for path in dict.fromkeys(each.partition("::")[0] for each in chosen()):
            lines = lines_of([report for report in self._reports if report.nodeid.startswith(f"{path}::")])
            if lines:
                terminalreporter.line(f"\n{title_of(path)}   ({path})")
            for name, line in lines.items():
                terminalreporter.line(f"  {line.worst:<7} {line.seconds:6.2f} s  {line.checks:2} x  {name}")
            count += len(lines)
        terminalreporter.line(f"\n{count} hostile cases, met by {len(self._reports)} tests")


def lines_of(reports: Sequence[pytest.TestReport]) -> dict[str, Line]:
    """Return a line for each case of a file; what several tests meet is one case."""
    tests = Counter(report.nodeid.partition("[")[2] for report in reports)
    lines: dict[str, Line] = defaultdict(Line)
    for report in reports:
        test, _, case = report.nodeid.partition("[")
        sentence = test.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        shared = case and tests[case] > 1
        line = lines[case.removesuffix("]").replace("-", " ") if shared else f"{sentence}: {case}".strip(": ]")]
        line.checks += 1
        line.seconds += report.duration
        line.worst = line.worst if report.outcome == "passed" else report.outcome
    return lines


def title_of(path: str) -> str:
    """Return what a file says of itself."""
    said = ast.get_docstring(ast.parse((CHECKOUT / path).read_text())) or path
    return said.partition("\n")[0]


def main() -> int:
    """Run pytest, with more arguments if any are given; returns its exit code."""
    options = ["-q", "--no-header", "-n", "auto", "--dist", "loadfile"]
    return int(pytest.main([*options, *chosen(), *sys.argv[1:]], plugins=[Listing()]))


if __name__ == "__main__":
    sys.exit(main())
