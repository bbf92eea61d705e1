"""Nobody writes lines of their own into the log: whatever is logged, it is one line, or a traceback of ours."""

from __future__ import annotations

import logging

import pytest
import structlog
from django.test import Client

from tests.security.raw import call, one_transaction
from tests.security.test_leaks import logs_as

pytestmark = pytest.mark.django_db

FORGED = "2026-01-01T00:00:00Z [info     ] forged line"
ATTACK = f"x\n{FORGED}\r\n{FORGED}\x1b[2J\x1b]0;owned\x07\u2028{FORGED}\x85{FORGED}"


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_a_caller_sends_begins_no_line_of_the_log(form: str) -> None:
    quoted = "x%0A" + FORGED.replace(" ", "%20") + "%0D%0A%1B[2J"
    with logs_as(form) as written, one_transaction():
        sent = ATTACK.encode().decode("latin-1")  # as a server hands over headers
        for path in (f"/{quoted}", f"/api/v1/{quoted}", f"/admin/{quoted}/", f"/static/{quoted}"):
            call("GET", path, query=quoted, headers={"referer": sent, "user-agent": sent})
            call("POST", path, headers={"origin": sent, "cookie": f"csrftoken={sent}"}, body=b"{}")
        call("GET", "/", headers={"host": "evil.example\n" + FORGED})
        Client().post("/admin/login/", {"username": ATTACK, "password": ATTACK})
        Client().post("/portal/login/", {"username": ATTACK, "password": ATTACK})
    assert_no_line_was_forged(written.getvalue())
    assert "exceptions.DisallowedHost" not in written.getvalue()  # a line, and no traceback for every scanner


@pytest.mark.parametrize("form", ["text", "json"])
def test_values_that_we_log_stay_on_their_line(form: str) -> None:
    with logs_as(form) as written:
        structlog.get_logger("deliveries").warning("answer_not_storable", error=ATTACK)
        structlog.get_logger("deliveries").error("lane_cannot_send", reason=ATTACK)
        logging.getLogger("django.request").error("Not Found: %s", ATTACK)
    text = written.getvalue()
    assert "answer_not_storable" in text
    assert_no_line_was_forged(text)


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_message_of_an_exception_stays_on_its_line(form: str) -> None:
    with logs_as(form) as written:
        try:
            int(ATTACK)
        except ValueError as error:
            error.args = (ATTACK,)
            structlog.get_logger("deliveries").exception("turn_failed")
    text = written.getvalue()
    assert "Traceback" in text
    assert_no_line_was_forged(text)


def assert_no_line_was_forged(text: str) -> None:
    """Fail if a terminal or a reader of lines would take part of a value for a line, or obey it."""
    assert [line for line in text.splitlines() if line.startswith(FORGED[:20])] == []
    assert "\x1b" not in text
    assert "\x07" not in text
