"""The floors of the house: imports point down only, siblings stay apart, files and functions stay small.

What lives here: what docs/architecture.md promises, read from the source itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(
    path.relative_to(ROOT)
    for folder in ("deliveries", "config")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)
LINES_LIMIT = 300
FUNCTION_LINES_LIMIT = 60
ONLY_OUTBOUND = {"requests", "pycurl", "urllib3"}

FLOORS = {
    "errors": 0,
    "conf": 0,
    "identity_settings": 0,
    "oidc_settings": 0,
    "trace_settings": 0,
    "network_settings": 0,
    "process_settings": 0,
    "variables": 0,
    "address_variables": 0,
    "brand_settings": 0,
    "pictures": 0,
    "drawings": 0,
    "protocol": 1,
    "metrics": 1,
    "tracing": 1,
    "request_ids": 6,
    "database": 2,
    "models": 2,
    "sql": 2,
    "outbound": 2,
    "evaluator": 2,
    "services": 3,
    "engine": 4,
    "actors": 5,
    "api": 6,
    "admin": 6,
    "templatetags": 6,
    "listen": 6,
    "cells": 4,
    "consume": 6,
    "demo": 6,
    "management": 6,
    "apps": 6,
    "checks": 6,
    "provider_checks": 5,
    "embedding": 5,
    "host_settings": 2,
}

# Parts of one floor that know each other nevertheless, each with its reason; all others stay apart.
SIBLINGS = {
    ("admin", "api"): "what a page refuses is shown as at any other address",
    ("apps", "checks"): "the app registers its checks",
    ("conf", "errors"): "a wrong setting is one of our errors",
    ("conf", "variables"): "the values of the variables that are named there",
    ("conf", "address_variables"): "the values of the variables that are named there",
    ("conf", "network_settings"): "a part of the settings",
    ("network_settings", "process_settings"): "the class before it in that row",
    ("network_settings", "variables"): "the values of the variables that are named there",
    ("network_settings", "address_variables"): "the values of the variables that are named there",
    ("process_settings", "trace_settings"): "the class before it in that row",
    ("process_settings", "variables"): "the values of the variables that are named there",
    ("process_settings", "address_variables"): "the values of the variables that are named there",
    ("trace_settings", "identity_settings"): "settings are one row of classes, each with more of them",
    ("trace_settings", "variables"): "the values of the variables that are named there",
    ("identity_settings", "oidc_settings"): "the class before it in that row",
    ("oidc_settings", "brand_settings"): "the class before it in that row",
    ("oidc_settings", "variables"): "the values of the variables that are named there",
    ("oidc_settings", "address_variables"): "the values of the variables that are named there",
    ("identity_settings", "variables"): "the values of the variables that are named there",
    ("identity_settings", "address_variables"): "the values of the variables that are named there",
    ("brand_settings", "variables"): "the values of the variables that are named there",
    ("brand_settings", "address_variables"): "the values of the variables that are named there",
    ("address_variables", "variables"): "several in one variable",
    ("variables", "pictures"): "a variable names a file with one",
    ("pictures", "drawings"): "an SVG is one",
    ("metrics", "protocol"): "attempts are counted by the words for outcomes",
    ("tracing", "protocol"): "events keep the context of a span as they keep a caller's",
    ("management", "api"): "a command finds a customer by id or uid as the API does",
    ("management", "checks"): "a process looks at its settings before it starts",
    ("templatetags", "admin"): "templates write a moment as columns do",
    ("consume", "api"): "an event of a queue has the form of a posted one",
    ("management", "consume"): "the command of it",
    ("management", "listen"): "the command of it",
}

# The standalone server: what a part may know of the others in config/ stands on a lower floor than itself.
CONFIG_FLOORS = {
    "broker_lines": 0,
    "embedded": 0,
    "callers": 0,
    "listening": 0,
    "database": 0,
    "messages": 0,
    "logging": 1,
    "mail": 1,
    "redis_client": 0,
    "request_ids": 0,
    "security": 0,
    "site_cookies": 0,
    "stalled": 0,
    "static_files": 0,
    "bodies": 1,
    "embedded_portal": 1,
    "list_broker": 1,
    "broker_state": 2,
    "supervisor": 1,
    "keyring": 1,
    "sessions": 1,
    "page_middleware": 2,
    "rabbit_broker": 3,
    "broker": 4,
    "fast_path": 2,
    "known_callers": 3,
    "probes": 3,
    "settings": 5,
    "portal_share": 6,
    "urls": 6,
    "wsgi": 6,
    "management": 6,
}


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Each module that a file imports, also inside functions, with its line."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides its floor"
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def part_of(module: str) -> str:
    """The part of the house that a module of deliveries belongs to, "" for its front door and for other packages."""
    words = module.split(".")
    return words[1] if words[0] == "deliveries" and len(words) > 1 and words[1] in FLOORS else ""


def part_at(path: Path) -> str:
    return part_of(".".join(path.with_suffix("").parts))


def known_parts(package: str) -> Iterator[tuple[str, str, str]]:
    """Each import of one part of a package in another: who, what, and where."""
    for path in FILES:
        if path.parts[0] == package:
            importer = path.parts[1].removesuffix(".py")
            for module, line in imports_of(path):
                words = module.split(".")
                if words[0] == package and len(words) > 1 and words[1] != importer:
                    yield importer, words[1], f"{path}:{line}: {module}"


@pytest.mark.parametrize(("package", "floors"), [("deliveries", FLOORS), ("config", CONFIG_FLOORS)])
def test_every_part_of_the_house_has_its_floor(package: str, floors: Mapping[str, int]) -> None:
    """Given a new folder or file at the top, then its floor is named here first; and one that is gone is not."""
    parts = {path.parts[1].removesuffix(".py") for path in FILES if path.parts[0] == package}
    assert parts - {"__init__"} == floors.keys()


def test_imports_point_down_only() -> None:
    upwards = [
        f"{path}:{line}: {module}"
        for path in FILES
        if part_at(path)
        for module, line in imports_of(path)
        if FLOORS.get(part_of(module), -1) > FLOORS[part_at(path)]
    ]
    assert upwards == []


def test_siblings_stay_apart_but_for_listed_reasons() -> None:
    met = {
        (importer, part): where
        for importer, part, where in known_parts("deliveries")
        if importer in FLOORS and FLOORS[importer] == FLOORS.get(part)
    }
    assert [where for pair, where in met.items() if pair not in SIBLINGS] == []
    assert SIBLINGS.keys() - met.keys() == set(), "a reason that nothing needs any more"


@pytest.mark.parametrize("part", ["services", "models", "sql", "outbound", "database", "protocol"])
def test_the_engine_is_known_to_nothing_below_it(part: str) -> None:
    """Given also an import that only types need, or one inside a function."""
    assert FLOORS[part] < FLOORS["engine"]
    assert [
        where for importer, known, where in known_parts("deliveries") if (importer, known) == (part, "engine")
    ] == []


def test_the_parts_of_the_server_point_down_too() -> None:
    """Given config/, then no part knows one beside or above it."""
    sideways = [
        where
        for importer, part, where in known_parts("config")
        if CONFIG_FLOORS.get(part, -1) >= CONFIG_FLOORS.get(importer, 9)
    ]
    assert sideways == []


def test_embedded_services_know_of_hookpost_its_errors_only() -> None:
    """Given that they run before there are settings."""
    known = {
        f"{path}:{line}: {module}"
        for path in FILES
        if path.parts[:2] == ("config", "embedded")
        for module, line in imports_of(path)
        if part_of(module) not in ("", "errors") or module in ("config.settings", "deliveries")
    }
    assert known == set()


def test_what_the_wheel_holds_needs_nothing_of_the_standalone_server() -> None:
    """Given another project that has a package `config` of its own, then ours is not missed."""
    foreign = [
        f"{path}:{line}: {module}"
        for path in FILES
        if path.parts[0] == "deliveries"
        for module, line in imports_of(path)
        if module.split(".")[0] == "config"
    ]
    assert foreign == []


def test_only_outbound_knows_how_requests_are_sent() -> None:
    foreign = [
        f"{path}:{line}: {module}"
        for path in FILES
        if part_at(path) != "outbound"
        for module, line in imports_of(path)
        if module.partition(".")[0] in ONLY_OUTBOUND
    ]
    assert foreign == []


def test_methods_are_described_by_our_own_decorator_only() -> None:
    """Given drf-spectacular's, then a project's own default would describe our methods."""
    foreign = [
        f"{path}:{line}: {module}"
        for path in FILES
        if path.name != "describe.py"
        for module, line in imports_of(path)
        if module == "drf_spectacular.utils.extend_schema"
    ]
    assert foreign == []


def test_the_lowest_floors_know_no_django() -> None:
    low = [path for path in FILES if FLOORS.get(part_at(path), 9) <= FLOORS["protocol"]]
    known = [f"{path}: {module}" for path in low for module, _ in imports_of(path) if module.startswith("django")]
    assert len(low) > 10
    assert known == []


def test_files_are_small_and_say_what_lives_in_them() -> None:
    texts = {path: (ROOT / path).read_text() for path in FILES}
    assert [path for path, text in texts.items() if len(text.splitlines()) >= LINES_LIMIT] == []
    assert [path for path, text in texts.items() if text.strip() and not ast.get_docstring(ast.parse(text))] == []


def test_functions_are_small() -> None:
    long = [
        f"{path}:{node.lineno}: {node.name}"
        for path in FILES
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 >= FUNCTION_LINES_LIMIT
    ]
    assert long == []
