"""What services refuse is read by people too: each refusal is a sentence of the catalogs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.counters import ROOT

REFUSALS = {"Conflict", "InvalidInput", "LimitReached", "NotAllowed", "NotFound", "Unavailable"}
# What programs alone are told: of events that are posted, imports, tokens, and what a round finds, for the log.
BY_API_ALONE = {"event_store", "event_entries", "events", "imports", "issuer_keys", "rounds", "shared_commits"}
BY_API_ALONE |= {"validation"}


def plain(node: ast.expr, constants: set[str]) -> bool:
    """Say whether a refusal's words are text that no catalog knows: a literal, or a constant that is one."""
    if isinstance(node, ast.Name):
        return node.id in constants
    is_formed = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"
    return is_formed or isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp)


def untold(path: Path) -> Iterator[str]:
    """Yield the lines of a service that refuse in words of no catalog."""
    tree = ast.parse(path.read_text())
    literals = (each for each in tree.body if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant))
    constants = {target.id for each in literals for target in each.targets if isinstance(target, ast.Name)}
    calls = (node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call))
    for call in calls:
        is_refusal = isinstance(call.func, ast.Name) and call.func.id in REFUSALS
        if is_refusal and call.args and plain(call.args[0], constants):
            yield f"{path.name}:{call.lineno}"


def test_a_refusal_is_a_sentence_in_every_language() -> None:
    services = (ROOT / "deliveries" / "services").glob("*.py")
    assert [line for path in services if path.stem not in BY_API_ALONE for line in untold(path)] == []
