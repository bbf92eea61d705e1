"""What browsers are told: every answer carries the policies, and production settings pass Django's own check."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from django.test import Client

from config.security import POLICY_OF_DATA, POLICY_OF_PAGES
from deliveries.checks import check_settings, is_local, problems_of
from deliveries.conf import Conf, load
from tests.config.test_settings import run
from tests.security.steps import a_superuser, logged_in

KEY = base64.b64encode(b"k" * 32).decode()
PRODUCTION = {
    "DATABASE_URL": "postgresql://hookpost:secret@db.example/hookpost",
    "BROKER_URL": "rediss://broker.example/0",
    "HOOKPOST_SECRET_KEY": "kX9#mQ2$vL7@pR4!wT8%zY1&bN5*cF3(hJ6)gD0_sA-uE+iO=qZ",
    "HOOKPOST_ENCRYPTION_KEYS": f"k1:{KEY}",
    "HOOKPOST_BASE_URL": "https://hooks.example.com",
    "HOOKPOST_TRUSTED_PROXY": "true",
    "HOOKPOST_EMAIL_URL": "smtp://mail.example",
    "HOOKPOST_ALERT_MAIL": "ops@example.com",
    "HOOKPOST_REQUIRE_2FA": "staff",
}
FORBIDDEN_IN_SCRIPTS = ("'unsafe-inline'", "'unsafe-eval'", "data:", "http:", "https:", "*")


def test_production_settings_pass_the_check_for_deployment(tmp_path: Path) -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", HOOKPOST_DATA=str(tmp_path), **PRODUCTION)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


def test_the_default_settings_pass_the_ordinary_check(tmp_path: Path) -> None:
    done = run("manage.py", "check", "--fail-level", "WARNING", HOOKPOST_DATA=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/api/v1/events", "/api/v1/nowhere", "/healthz", "/", "/static/hookpost/mark.svg", "/portal-link"]
)
def test_what_is_no_page_may_load_nothing(path: str) -> None:
    answer = Client().get(path)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert_hardened(answer.headers)
    answer.close()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/login/", "/admin/nowhere/", "/portal/login/", "/admin/deliveries/endpoint/x/"]
)
def test_pages_run_and_load_only_what_is_ours(path: str) -> None:
    answer = logged_in(a_superuser()).get(path)
    assert answer.headers["Content-Security-Policy"] == POLICY_OF_PAGES
    assert_hardened(answer.headers)


def test_no_policy_lets_inline_or_foreign_scripts_run() -> None:
    scripts = next(part for part in POLICY_OF_PAGES.split("; ") if part.startswith("script-src "))
    assert not set(scripts.split()) & set(FORBIDDEN_IN_SCRIPTS)
    for policy in (POLICY_OF_PAGES, POLICY_OF_DATA):
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy


def assert_hardened(headers: object) -> None:
    assert {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }.items() <= dict(headers.items()).items()  # type: ignore[attr-defined]
    assert headers["Referrer-Policy"] in ("same-origin", "strict-origin")  # type: ignore[index]
    assert "camera=()" in headers["Permissions-Policy"]  # type: ignore[index]


def test_https_brings_hsts_secure_cookies_and_a_redirect(tmp_path: Path) -> None:
    script = (
        "import django; django.setup(); from django.test import Client;"
        "host = {'host': 'hooks.example.com'};"
        "safe = Client(headers=host | {'x-forwarded-proto': 'https'}).get('/static/hookpost/mark.svg');"
        "plain = Client(headers=host).get('/admin/');"
        "inside = Client(headers=host).get('/healthz');"
        "from django.conf import settings;"
        "print(safe.headers['Strict-Transport-Security'], plain.status_code, plain.headers['Location'],"
        " inside.status_code, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE)"
    )
    done = run("-c", script, DJANGO_SETTINGS_MODULE="config.settings", HOOKPOST_DATA=str(tmp_path), **PRODUCTION)
    assert done.stdout == "max-age=31536000 301 https://hooks.example.com/admin/ 200 True True\n", done.stderr


def conf_with(**changes: str) -> Conf:
    return load(PRODUCTION | changes)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"HOOKPOST_DEBUG": "true"}, ["hookpost.E002"]),
        ({"HOOKPOST_DEBUG": "true", "HOOKPOST_BASE_URL": "http://localhost:8000"}, []),
        ({"HOOKPOST_BATCH_BODY_LIMIT_BYTES": "2048"}, ["hookpost.E003"]),
        ({"HOOKPOST_IDEMPOTENCY_HOURS": "48", "HOOKPOST_RETENTION_DAYS": "1"}, ["hookpost.E004"]),
        ({"HOOKPOST_ALERT_AFTER_HOURS": "120"}, ["hookpost.E005"]),
        ({"HOOKPOST_ALERT_AFTER_HOURS": "120", "HOOKPOST_DISABLE_AFTER_DAYS": "0"}, []),
        ({"HOOKPOST_SECRET_KEY": "short"}, ["hookpost.W002"]),
        ({"HOOKPOST_LEASE_SECONDS": "5"}, ["hookpost.W003"]),
        ({"HOOKPOST_ALLOWED_HOSTS": "*"}, ["hookpost.W004"]),
        ({"HOOKPOST_ALLOW_HTTP": "true"}, ["hookpost.W005"]),
        ({"HOOKPOST_ALLOW_TARGETS": "10.0.0.0/8:443"}, ["hookpost.W006"]),
        ({"HOOKPOST_ALLOW_TARGETS": "169.254.169.254/32:80"}, ["hookpost.W006"]),
        ({"HOOKPOST_ALLOW_TARGETS": "10.1.2.3/32:9400"}, []),
        ({"HOOKPOST_BASE_URL": "http://hooks.example.com"}, ["hookpost.W007"]),
        ({"HOOKPOST_TRUSTED_PROXY": "false"}, ["hookpost.W008"]),
        ({"DATABASE_URL": ""}, ["hookpost.W009"]),
        ({"HOOKPOST_EMAIL_URL": ""}, ["hookpost.W010"]),
        ({"HOOKPOST_REQUIRE_2FA": "false"}, ["hookpost.W011"]),
        ({"HOOKPOST_ALERT_MAIL": ""}, ["hookpost.W012"]),
    ],
)
def test_settings_that_are_wrong_together_have_an_id(changes: dict[str, str], found: list[str]) -> None:
    assert [each.id for each in problems_of(conf_with(**changes))] == found


@pytest.mark.parametrize(
    ("url", "local"),
    [("http://127.0.0.1:8000", True), ("http://[::1]:8000", True), ("http://localhost", True), ("https://a.b", False)],
)
def test_this_machine_is_told_from_others(url: str, local: bool) -> None:
    assert is_local(url) is local


@pytest.mark.parametrize("command", ["web", "worker"])
def test_settings_that_are_wrong_together_stop_the_start(command: str, tmp_path: Path) -> None:
    wrong = PRODUCTION | {"HOOKPOST_DEBUG": "true"}
    done = run("manage.py", command, HOOKPOST_DATA=str(tmp_path), **wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: HOOKPOST_DEBUG: ")


def test_a_misspelt_setting_is_a_warning_that_names_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKPOST_RETENTION_DAY", "7")
    (found,) = [each for each in check_settings(None) if each.id == "hookpost.W018"]
    assert (found.msg, found.hint) == (
        "HOOKPOST_RETENTION_DAY: there is no such setting", "HOOKPOST_RETENTION_DAYS is meant?",
    )  # fmt: skip
