"""Names keep to the glossary: no word that it rules out, and no name for two things.

What lives here: what can be told from the names of files and public classes; what a word means in prose cannot.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.counters import ROOT, production_files

GLOSSARY = (ROOT / "docs/glossary.md").read_text()
RULED_OUT = GLOSSARY.partition("## Words that we do not use")[2]
FILES = [
    path.relative_to(ROOT)
    for folder, kinds in (("deliveries", ("py", "sql", "html")), ("config", ("py",)))
    for kind in kinds
    for path in sorted((ROOT / folder).rglob(f"*.{kind}"))
    if "migrations" not in path.parts
]

# One name for one thing that several floors know, where it is no word of the glossary.
SEVERAL_FLOORS = {
    "api": "the REST client of a command",
    "audit": "the audit trail: its rows, writing them, showing them",
    "base": "what all of a floor derive from",
    "clock": "the host's clock beside the database's: comparing, remembering, refusing",
    "endpoint_health": "the health of an endpoint: judging it, showing it",
    "feed": "events as `manage.py listen` reads them: asking for them, answering",
    "filter_preview": "what a filter would match: looking, answering, its page",
    "ids": "TypeIDs: making and reading them, reading one that somebody pasted",
    "limits": "the numbers that bound what a floor does",
    "loop": "what a thread of its own goes round in: the engine's, and that of requests without an engine",
    "overview": "what the front page tells of all deliveries: counting it, showing it",
    "paging": "a list's pages: by REST, in the sites",
    "payload_preview": "what would be sent: making it, answering, its page",
    "portal": "the customers' site: its links, and the calls that make them",
    "readiness": "whether a process is fit for work: judging it, answering /readyz",
    "request_ids": "an id for each request: which one, and the server's layer around Django that gives it",
    "saved_views": "views of lists that somebody keeps: keeping them, their links",
    "screen": "what a command prints",
    "second_factor": "what is asked for after the password: its rows, checking it, its page",
    "signature_check": "why a receiver refuses a signature: comparing, what was sent, answering",
    "urls": "Django's tables of addresses, and the rules of an endpoint's",
    "waiting": "what a delivery waits for: finding it out, showing it",
}
SEVERAL_CLASSES = {
    "Api": "the REST client of a command",
    "Command": "Django's",
    "Lane": "the row, and the lane in a worker's hands",
    "Line": "what is shown in one line: of a list, of a schema",
    "Place": "where a list's page begins: by REST, in the sites",
    "SecondFactor": "the row, and the middleware that asks for it",
}


# Names that others gave to what is theirs.
FOREIGN = {"account_links": "Unfold's menu", "subscription": "Convoy's endpoint", "target_class": "drf-spectacular's"}

# Words that things of many kinds could be called: the files in which one may stand in a name, for its one meaning.
ONE_MEANING = {
    "target": """config/management/commands/demo.py deliveries/checks.py deliveries/network_settings.py
        deliveries/management/doctor/surroundings.py deliveries/outbound/client.py deliveries/outbound/guard.py
        deliveries/outbound/url_parts.py deliveries/provider_checks.py deliveries/services/endpoint/endpoint_fields.py
        deliveries/sql/erase_traces.sql""",  # an audit entry's column keeps its first name
    "drain": "config/management/commands/web.py deliveries/process_settings.py",
}


def words_ruled_out(text: str = RULED_OUT) -> list[str]:
    rows = re.findall(r"^\| ([a-z, ]+) \|", text, re.MULTILINE)
    return [word for row in rows for word in row.split(", ") if word != "not"]


def words_of(name: str) -> set[str]:
    """The words of a file's or a class's name, small."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


@cache
def public_classes() -> Sequence[tuple[str, Path]]:
    return [
        (node.name, path.relative_to(ROOT))
        for path in production_files()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]


@cache
def names_within() -> Sequence[tuple[str, Path]]:
    """All that our code names: functions, variables, parameters, log keys and metrics, and whatever SQL names."""
    found: set[tuple[str, Path]] = set()
    for path in FILES:
        text = (ROOT / path).read_text()
        if path.suffix == ".py":
            found |= {(name, path) for node in ast.walk(ast.parse(text)) for name in given_by(node)}
        elif path.suffix == ".sql":
            code = re.sub(r"--.*|'[^']*'", "", text)
            found |= {(name, path) for name in re.findall(r"[a-z_]+", code)}
    return sorted(found)


def given_by(node: ast.AST) -> list[str]:
    """The names that a piece of code gives to something."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
            return [name]
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            return [name]
        case ast.Call(func=ast.Attribute(value=ast.Name(id="log")), args=[ast.Constant(value=str(key)), *_]):
            return [key]
        case ast.Call(args=[ast.Constant(value=str(metric)), *_]) if metric.startswith("hookpost_"):
            return [metric]
    return []


@pytest.mark.parametrize("word", words_ruled_out(RULED_OUT.partition("**files and classes only**")[0]))
def test_nothing_is_named_with_a_word_that_the_glossary_rules_out(word: str) -> None:
    assert [f"{path}: {name}" for name, path in names_within() if word in words_of(name) and name not in FOREIGN] == []


@pytest.mark.parametrize("word", ONE_MEANING)
def test_a_word_that_could_be_said_of_anything_stands_in_names_for_one_thing(word: str) -> None:
    spoken = {str(path) for name, path in names_within() if words_of(name) & {word, f"{word}s"} and name not in FOREIGN}
    assert spoken == set(ONE_MEANING[word].split())


def test_names_are_found_wherever_they_are_given() -> None:
    names = {name for name, _ in names_within()}
    assert {"claim_batch", "lane", "rest_until", "broker_state", "hookpost_attempt_duration_seconds"} <= names


def test_words_of_names_are_told_apart() -> None:
    assert words_of("endpoint_health") == {"endpoint", "health"}
    assert words_of("HTTPDoorbell") == {"http", "doorbell"}


@pytest.mark.parametrize("word", words_ruled_out())
def test_no_name_holds_a_word_that_the_glossary_rules_out(word: str) -> None:
    files = [str(path) for path in FILES if word in words_of(path.stem)]
    classes = [f"{path}: {name}" for name, path in public_classes() if word in words_of(name)]
    assert files + classes == []


def test_a_word_that_is_ruled_out_is_no_word_of_the_glossary() -> None:
    defined = set(re.findall(r"^\| ([a-z-]+) \|", GLOSSARY.partition("## Words")[0], re.MULTILINE))
    assert len(words_ruled_out()) > 30
    assert defined & set(words_ruled_out()) == set()


def test_a_file_name_on_several_floors_is_one_noun() -> None:
    """Given a name that two floors have, then it is a word of the glossary, or its one meaning is written above."""
    places = defaultdict(set)
    for path in FILES:
        if path.suffix == ".py" and "management" not in path.parts:
            places[path.stem].add(path.parent)
    nouns = GLOSSARY.partition("## Words")[0].lower().replace("-", "").replace(" ", "_")
    several = {name for name, folders in places.items() if len(folders) > 1}
    unknown = {name for name in several if f"|_{singular(name)}_|" not in nouns and f"|_{name}_|" not in nouns}
    assert unknown - {"__init__"} == SEVERAL_FLOORS.keys()


def singular(name: str) -> str:
    return name.removesuffix("s") if not name.endswith("ies") else name.removesuffix("ies") + "y"


def test_a_class_name_stands_for_one_class() -> None:
    places = defaultdict(set)
    for name, path in public_classes():
        places[name].add(path)
    assert {name for name, paths in places.items() if len(paths) > 1} == SEVERAL_CLASSES.keys()
