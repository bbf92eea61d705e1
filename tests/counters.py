"""Counters of the house: how long files and functions are, how much is annotated, and how often with `Any`.

What lives here: measuring, by reading the source; `python -m tests.counters` prints it. Which figures are good enough
is tests/test_counters.py's.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
PACKAGES = ("deliveries", "config")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What is counted of the production code; the lines of a function are those below `def`."""

    files: int
    file_lines_median: float
    file_lines_max: int
    functions: int
    function_lines_median: float
    function_lines_p90: int
    function_lines_max: int
    functions_over_60_lines: int
    annotated_percent: float
    lines_with_any: int
    test_lines_for_each_line: float


def measure(root: Path = ROOT) -> Counters:
    """Read deliveries/ and config/ below a folder, migrations left out, and count."""
    texts = {path: path.read_text() for path in production_files(root)}
    trees = [ast.parse(text) for text in texts.values()]
    files = sorted(len(text.splitlines()) for text in texts.values())
    functions = sorted(map(_lines_of, chain.from_iterable(map(functions_of, trees))))
    tests = sum(len(path.read_text().splitlines()) for path in (root / "tests").rglob("*.py"))
    return Counters(
        files=len(files),
        file_lines_median=median(files),
        file_lines_max=files[-1],
        functions=len(functions),
        function_lines_median=median(functions),
        function_lines_p90=functions[len(functions) * 9 // 10],
        function_lines_max=functions[-1],
        functions_over_60_lines=sum(lines > 60 for lines in functions),
        annotated_percent=_percent(map(_is_annotated, chain.from_iterable(map(functions_of, trees)))),
        lines_with_any=sum(map(lines_with_any, trees)),
        test_lines_for_each_line=round(tests / sum(files), 2),
    )


def production_files(root: Path = ROOT) -> list[Path]:
    """Return the files that are counted, in order; an empty one is none."""
    found = chain.from_iterable((root / package).rglob("*.py") for package in PACKAGES)
    return sorted(path for path in found if "migrations" not in path.parts and path.read_text().strip())


def functions_of(tree: ast.AST) -> Iterator[Function]:
    """Yield all functions and methods of a file, inner ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def lines_with_any(tree: ast.AST) -> int:
    """Return how many lines of a file use `Any`; the import is none."""
    return len({node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "Any"})


def _lines_of(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno


def _is_annotated(function: Function) -> bool:
    given = function.args
    names: Sequence[ast.arg | None] = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
    asked = [name for name in names if name and name.arg not in ("self", "cls")]
    return function.returns is not None and all(name.annotation for name in asked)


def _percent(found: Iterable[bool]) -> float:
    answers = list(found)
    return round(100 * sum(answers) / len(answers), 1)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(measure()), indent=2) + "\n")
