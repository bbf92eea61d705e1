"""The runbooks: what they name is there, and what they have the operator type answers what they say it does."""

from __future__ import annotations

import re
import shlex

import psycopg
import pytest
import yaml
from django.core.management import get_commands
from django.db import connection

from deliveries.management.doctor.database import ADVICE
from deliveries.metrics.names import REFUSALS
from deliveries.protocol.answers.outcome import EXPLANATIONS
from tests.api.conftest import Caller
from tests.cells.second_cell import url_of
from tests.counters import ROOT
from tests.docs.test_night import written_lines

PAGE = (ROOT / "docs/runbooks.md").read_text()
PARTS = {
    text.partition("\n")[0].lower().replace(" ", "-"): text for text in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
}
RULES = yaml.safe_load((ROOT / "docker/monitoring/alerts.yml").read_text())["groups"][0]["rules"]
CODE = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))
STATEMENTS = [" ".join(each.split()) for each in CODE if each.startswith("SELECT")]
# Fields of endpoints, and a setting of PostgreSQL's.
OTHERS = {"max_in_flight", "rate_limit", "max_connections", "pg_wal", "archive_command", "cl_waiting", "sv_idle"}


def test_each_alert_leads_to_a_runbook_that_says_how_it_shows() -> None:
    led = {rule["alert"]: rule["annotations"]["runbook"].partition("#")[2] for rule in RULES}
    assert {name for name, place in led.items() if name not in PARTS[place]} == set()
    assert set(re.findall(r"Hookpost[A-Z]\w+", PAGE)) == led.keys()
    assert set(led.values()) == PARTS.keys()


def test_the_metrics_of_the_runbooks_are_shown(db: None) -> None:
    shown = set(re.findall(r"^(?:# TYPE )?(hookpost_\w+)", Caller(None).get("/metrics").raw.decode(), re.MULTILINE))
    tables = {table for statement in STATEMENTS for table in re.findall(r"(?:FROM|JOIN) (hookpost_\w+)", statement)}
    assert set(re.findall(r"hookpost_\w+", PAGE)) - tables <= shown


def test_the_words_of_the_runbooks_are_said() -> None:
    """Lines of the log, outcomes of attempts, commands, and what /readyz says of a database."""
    plain = {each for each in CODE if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", each)}
    metrics = {each for each in plain if each.startswith("hookpost_")}
    assert plain - metrics <= written_lines() | EXPLANATIONS.keys() | OTHERS
    told = re.findall(r"^\| (`.*?) \|", PARTS["the-database-cannot-be-used"], re.MULTILINE)
    assert {word for each in told for word in re.findall(r"`([^`]+)`", each)} == ADVICE.keys()
    typed = [shlex.split(each) for each in CODE if "manage.py " in each]
    assert {words[words.index("manage.py") + 1] for words in typed} - {"web", "up"} <= get_commands().keys()


def test_the_statement_for_long_transactions_names_the_longest_first(db: None) -> None:
    (statement,) = [each for each in STATEMENTS if "xact_start" in each]
    with psycopg.connect(url_of(connection.settings_dict["NAME"])) as other:
        (began,) = (
            other.execute("SELECT xact_start FROM pg_stat_activity WHERE pid = pg_backend_pid()").fetchone() or ()
        )
        with connection.cursor() as cursor:
            cursor.execute(statement)
            rows = cursor.fetchall()
        assert began is not None
        assert other.info.backend_pid in [row[0] for row in rows]
        spans = [row[1] for row in rows]
        assert spans == sorted(spans, reverse=True)
        assert min(span.total_seconds() for span in spans) >= 0


@pytest.mark.parametrize("statement", STATEMENTS)
def test_each_statement_can_be_asked(db: None, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.description


def test_the_reasons_for_refusals_are_counted() -> None:
    reasons = re.findall(r"`(unavailable|unconfirmed|error)`", PARTS["events-are-refused"])
    assert set(reasons) == {"unavailable", "unconfirmed", "error"} <= {*REFUSALS.values(), "unconfirmed"}
