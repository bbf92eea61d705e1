"""The floor that all tests stand on.

What lives here: that database, broker and receiver are real, and what is not as outside.
"""

from __future__ import annotations

import ast
import re
import urllib.request
from collections import Counter
from collections.abc import Iterator
from importlib import import_module

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection

from deliveries import errors
from deliveries.errors import HookpostError
from tests.counters import PACKAGES, ROOT, production_files
from tests.receiver import Receiver

# Functions that only tests call, each with its reason.
FOR_TESTS = {
    "request_id_middleware": "named in MIDDLEWARE by projects that embed Hookpost",
}


@pytest.mark.django_db
def test_the_database_is_postgresql() -> None:
    assert connection.vendor == "postgresql"


def test_a_receiver_remembers_a_request_byte_for_byte(receiver: Receiver) -> None:
    receiver.answer = lambda request: (201, {"x-a": "b"}, b"done")
    request = urllib.request.Request(receiver.url + "/in?x=1", data=b'{"a": 1}', headers={"X-One": "1"})
    with urllib.request.urlopen(request) as answer:
        assert (answer.status, answer.headers["x-a"], answer.read()) == (201, "b", b"done")
    (taken,) = receiver.wait_for(1)
    assert (taken.method, taken.path, taken.body, taken.header("x-one")) == ("POST", "/in?x=1", b'{"a": 1}', "1")


def test_outside_of_tests_passwords_are_hashed_as_django_has_it() -> None:
    assert not hasattr(import_module("config.settings"), "PASSWORD_HASHERS")
    assert settings.PASSWORD_HASHERS == ["tests.passwords.FewRounds"]
    assert PBKDF2PasswordHasher.iterations >= 600_000


def states_as_texts(tree: ast.AST) -> Iterator[int]:
    """The lines in which `state` is given, or compared, as a bare text beside the enumeration that has it."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="state", value=ast.Constant(value=str(text))) if text:
                yield node.value.lineno
            case ast.Compare(left=ast.Attribute(attr="state"), comparators=[ast.Constant(value=str(text))]) if text:
                yield node.lineno


def test_a_state_is_a_member_of_its_enumeration_wherever_it_is_given_or_compared() -> None:
    found = {path: [*states_as_texts(ast.parse(path.read_text()))] for path in production_files()}
    assert [f"{path.relative_to(ROOT)}:{line}" for path, lines in found.items() for line in lines] == []


# Where a moment is written for people and programs; the other formats are days or hours alone.
MOMENTS = {"deliveries/protocol/writing/timestamps.py", "deliveries/protocol/writing/time_zones.py"}


def test_a_moment_is_written_in_one_place() -> None:
    """Given three widths of one moment, then each has one function; the demo's story is written as a service would."""
    places = {str(path.relative_to(ROOT)) for path in production_files() if "%Y-%m-%d %H:%M" in path.read_text()}
    assert places == MOMENTS


def fields_of(tree: ast.AST) -> Iterator[str]:
    """The annotated fields of a module's classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from (
                each.target.id
                for each in node.body
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
            )


def test_no_field_of_a_class_is_there_without_a_reader() -> None:
    """Given a field that no other line of ours names, then nothing steers by it and nothing shows it: it goes."""
    parts = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in (".py", ".html"))
    named = Counter(word for path in parts for word in re.findall(r"\w+", path.read_text()))
    classes = [path for path in production_files() if path.parent.name != "sql"]  # whose rows have tests of their own
    fields = {name for path in classes for name in fields_of(ast.parse(path.read_text()))}
    assert {name for name in fields if named[name] == 1} == set()


def test_no_function_is_there_for_tests_alone() -> None:
    """Given a function of a module that no other line of ours names, then only tests enter it: it goes."""
    parts = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in (".py", ".html"))
    named = Counter(word for path in parts for word in re.findall(r"\w+", path.read_text()))
    functions = (
        node.name
        for path in production_files()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.decorator_list
    )
    assert {name for name in functions if named[name] == 1} - FOR_TESTS.keys() == set()


def test_each_error_of_the_tree_is_raised_or_caught() -> None:
    """Given an error that nothing outside of its own page names, then nobody meets it: it goes."""
    tree = {
        each.__name__ for each in vars(errors).values() if isinstance(each, type) and issubclass(each, HookpostError)
    }
    paths = (path for path in production_files() if path.name != "errors.py")
    assert tree - {word for path in paths for word in re.findall(r"\w+", path.read_text())} == set()
