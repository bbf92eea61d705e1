"""What the system itself gives as a reason can be said in every language: it is a sentence of the catalogs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module

import pytest

from deliveries.protocol.writing.sentences import Sentence
from tests.translations.sources import HERE

BY_PEOPLE = {"demo/seed.py"}  # it plays them
MADE = ("say", "again", "not_arrived")  # what is called here makes a sentence


def reasons() -> Iterator[tuple[str, str, ast.expr]]:
    """The file, the place and the expression of every reason that is given with SYSTEM as the actor."""
    for path in sorted(HERE.rglob("*.py")):
        name = str(path.relative_to(HERE))
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and name not in BY_PEOPLE:
                given = {each.arg: each.value for each in call.keywords}
                if getattr(given.get("actor"), "id", "") == "SYSTEM" and "reason" in given:
                    yield name, f"{name}:{call.lineno}", given["reason"]


def is_sentence(name: str, reason: ast.expr) -> bool:
    """Whether an expression is a sentence: a constant that is one, or a call that makes one."""
    if isinstance(reason, ast.Call):
        return (getattr(reason.func, "id", "") or getattr(reason.func, "attr", "")) in MADE
    if isinstance(reason, ast.Name) and reason.id.isupper():
        module = import_module(f"deliveries.{name.removesuffix('.py').replace('/', '.')}")
        return isinstance(getattr(module, reason.id), Sentence)
    return isinstance(reason, ast.Name | ast.Attribute)  # handed on by whoever calls


FOUND = {place: (name, reason) for name, place, reason in reasons()}


@pytest.mark.parametrize("place", FOUND)
def test_a_reason_of_the_system_is_a_sentence_of_the_catalogs(place: str) -> None:
    assert is_sentence(*FOUND[place])


def test_reasons_are_found_where_endpoints_stop_and_go_on() -> None:
    files = {name for name, _ in FOUND.values()}
    assert {"services/delivery_windows.py", "services/retests.py", "services/purge.py"} <= files


@pytest.mark.parametrize("source", ["'gone'", "f'{days} days'"])
def test_plain_text_is_none(source: str) -> None:
    assert not is_sentence("services/purge.py", ast.parse(source, mode="eval").body)
