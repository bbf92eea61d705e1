"""Settings: wrong ones stop the start with the variable's name, right ones arrive where they belong."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.database import database_settings
from config.embedded import database_url
from config.keyring import encryption_keys, secret_key
from config.mail import email_settings
from deliveries.conf import Conf, load, misspelt
from deliveries.errors import WrongSetting

CHECKOUT = Path(__file__).resolve().parents[2]
ELSEWHERE = "postgresql://alice:pa%40ss@db.example:5433/hooks?sslmode=require"
KEY = base64.b64encode(b"k" * 32).decode()

PRINTING = """
import manage
manage.main(["manage.py"])
print("\N{CHECK MARK} done")
"""


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the checkout with these variables and no other of ours."""
    ours = ("HOOKPOST_", "DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE")
    rest = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, *command], cwd=CHECKOUT, env=rest | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://x/y"),
        ("BROKER_URL", "http://x"),
        ("HOOKPOST_WEB_THREADS", "many"),
        ("HOOKPOST_BASE_URL", "example.com"),
        ("HOOKPOST_ENCRYPTION_KEYS", "no-colon"),
        ("HOOKPOST_ENCRYPTION_KEYS", "k1:c2hvcnQ="),
        ("HOOKPOST_EMAIL_URL", "smtp://mail.example:99999"),
        ("HOOKPOST_EMAIL_FROM", "nobody"),
        ("HOOKPOST_ALERT_MAIL", "ops@example.com, nobody"),
        ("HOOKPOST_ALLOW_TARGETS", "127.0.0.1"),
        ("HOOKPOST_DENY_NETWORKS", "198.51.100.0/24,example.com"),
        ("HOOKPOST_DENY_NETWORKS", "198.51.100.7/24"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(name: str, value: str, tmp_path: Path) -> None:
    done = run("manage.py", "check", **{"HOOKPOST_DATA": str(tmp_path / "d"), name: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {name}: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOOKPOST_RETENTION_DAYS", "", "'' is not a whole number between 1 and 3650"),
        ("HOOKPOST_RETENTION_DAYS", "thirty", "'thirty' is not a whole number"),
        ("HOOKPOST_ALLOWED_PORTS", "https", "'https' is not a port or a range of ports"),
        ("HOOKPOST_BASE_URL", "", "such as https://hooks.example.com"),
        ("HOOKPOST_BASE_URL", "https://", "names no host"),
        ("HOOKPOST_BASE_URL", "https://hooks.example.com:99999", "names no host"),
        ("HOOKPOST_BASE_URL", "https://me@hooks.example.com", "such as https://hooks.example.com"),
        ("HOOKPOST_BASE_URL", "https://hooks.example.com/?a=b", "such as https://hooks.example.com"),
        ("HOOKPOST_EGRESS_PROXY", "http://:3128", "names no host"),
        ("HOOKPOST_EGRESS_PROXY", "http://me:pässword@proxy:3128", "is not ASCII"),
        ("HOOKPOST_JWT_JWKS_URL", "https:///certs", "names no host"),
        ("HOOKPOST_OIDC_ISSUER", "https://login.example.com:https", "names no host"),
        ("HOOKPOST_DATA", "", "names no folder"),
        ("HOOKPOST_JWT_ALGORITHMS", " ", "no token would be taken"),
        ("HOOKPOST_JWT_SCOPE_CLAIM", " ", "names no claim"),
        ("HOOKPOST_JWT_CUSTOMER_CLAIM", "", "names no claim"),
        ("HOOKPOST_OIDC_ROLE_CLAIM", "", "names no claim"),
        ("HOOKPOST_ALLOWED_HOSTS", "https://hooks.example.com", "no scheme, no port, no path"),
        ("HOOKPOST_ALLOWED_HOSTS", "hooks.example.com:8000", "no scheme, no port, no path"),
        ("HOOKPOST_ALLOWED_HOSTS", "*.example.com", ".example.com is all below it"),
        ("HOOKPOST_HEALTH_ADDRESS", "http://127.0.0.1:9101", "is not host:port"),
        ("HOOKPOST_HEALTH_ADDRESS", "10.0.0.0/8:9101", "is not host:port"),
        ("HOOKPOST_HEALTH_ADDRESS", "127.0.0.1:65536", "is not host:port"),
        ("HOOKPOST_SUPPORT_ADDRESS", "https://", "a URL that starts with https://"),
        ("HOOKPOST_SUPPORT_ADDRESS", "https://help.example.com:port", "a URL that starts with https://"),
    ],
)
def test_what_no_setting_can_mean_is_refused_with_what_it_can(name: str, value: str, said: str) -> None:
    with pytest.raises(WrongSetting, match=f"^{name}: .*{re.escape(said)}"):
        load({name: value})


@pytest.mark.parametrize("name", ["*", ".example.com", "hooks.example.com", "[::1]", "127.0.0.1", "hooks_1"])
def test_what_a_host_may_be_called_is_taken(name: str) -> None:
    assert load({"HOOKPOST_ALLOWED_HOSTS": f"{name}, localhost"}).allowed_hosts == (name, "localhost")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::]", "::1", "localhost", "worker-1.internal", "hookpost_worker"])
def test_workers_answer_at_any_host_by_its_name_or_address(host: str) -> None:
    assert load({"HOOKPOST_HEALTH_ADDRESS": f" {host}:9101"}).health_address == (host.strip("[]"), 9101)


def test_a_slash_behind_the_base_url_is_not_doubled_in_links() -> None:
    assert load({"HOOKPOST_BASE_URL": " https://hooks.example.com/ "}).base_url == "https://hooks.example.com"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HOOKPOST_RETENTION_DAY", "HOOKPOST_RETENTION_DAYS"),
        ("HOOKPOST_TRUST_PROXY", "HOOKPOST_TRUSTED_PROXY"),
        ("HOOKPOST_ENCRYPTION_KEY_FILE", "HOOKPOST_ENCRYPTION_KEYS"),
    ],
)
def test_a_setting_that_is_misspelt_is_told(name: str, meant: str) -> None:
    assert list(misspelt({name: "1"})) == [(name.removesuffix("_FILE"), meant)]


def test_what_others_put_into_the_environment_is_not_taken_for_a_setting() -> None:
    """Given variables of the compose file, of clients, and of Kubernetes for a service named hookpost-web."""
    ours = ("PORT", "KEY", "SECRET", "RETENTION_DAYS", "SECRET_KEY_FILE")
    theirs = ("WEB_SERVICE_HOST", "WEB_SERVICE_PORT", "WEB_PORT", "WEB_PORT_80_TCP_ADDR", "WEB_SERVICE_PORT_HTTP")
    assert list(misspelt({f"HOOKPOST_{word}": "1" for word in ours + theirs})) == []


def test_the_settings_of_another_project_are_a_sentence() -> None:
    done = run("manage.py", "worker", DJANGO_SETTINGS_MODULE="shop.settings")
    said = "error: DJANGO_SETTINGS_MODULE: shop.settings, of another project, is not here: unset it\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_a_terminal_that_cannot_show_a_sign_ends_no_command(tmp_path: Path) -> None:
    done = run("-c", PRINTING, HOOKPOST_DATA=str(tmp_path), PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "? done"), done.stderr


def test_the_variables_of_another_postgresql_do_not_lead_there(tmp_path: Path) -> None:
    others = {"PGPORT": "6543", "PGHOSTADDR": "127.0.0.1", "PGSERVICE": "no-such", "PGREQUIREAUTH": "scram-sha-256"}
    done = run("manage.py", "showmigrations", "contenttypes", HOOKPOST_DATA=str(tmp_path / "d"), **others)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", [("manage.py", "worker"), ("manage.py", "up"), ("-c", "import config.wsgi")])
def test_every_way_in_refuses_a_wrong_setting(command: tuple[str, ...]) -> None:
    done = run(*command, HOOKPOST_TURN_THREADS="0")
    said = "error: HOOKPOST_TURN_THREADS: '0' is not a whole number between 1 and 256\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_help_starts_nothing_and_leaves_no_data(tmp_path: Path) -> None:
    done = run("manage.py", "migrate", "--help", HOOKPOST_DATA=str(tmp_path / "d"))
    assert done.returncode == 0
    assert not (tmp_path / "d/postgres").exists()


def conf_of(tmp_path: Path, **environment: str) -> Conf:
    """Settings with a data folder of their own."""
    return load({"HOOKPOST_DATA": str(tmp_path), **environment})


@pytest.mark.parametrize(
    ("make", "name"), [(secret_key, "HOOKPOST_SECRET_KEY"), (encryption_keys, "HOOKPOST_ENCRYPTION_KEYS")]
)
def test_a_database_of_its_own_needs_keys_of_its_own(make: object, name: str, tmp_path: Path) -> None:
    assert callable(make)
    with pytest.raises(WrongSetting, match=f"^{name}: "):
        make(conf_of(tmp_path, DATABASE_URL=ELSEWHERE))
    assert not (tmp_path / "keys").exists()


def test_keys_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    conf = conf_of(tmp_path)
    assert secret_key(conf) == secret_key(conf)
    assert encryption_keys(conf) == encryption_keys(conf)
    assert [oct(file.stat().st_mode & 0o777) for file in (tmp_path / "keys").iterdir()] == ["0o600", "0o600"]


def test_the_embedded_database_called_by_its_url_keeps_its_keys(tmp_path: Path) -> None:
    made = encryption_keys(conf_of(tmp_path))
    assert encryption_keys(conf_of(tmp_path, DATABASE_URL=database_url(tmp_path))) == made


def test_keys_of_the_environment_win(tmp_path: Path) -> None:
    conf = conf_of(tmp_path, HOOKPOST_ENCRYPTION_KEYS=f"b:{KEY},a:{KEY}", HOOKPOST_SECRET_KEY="mine")
    assert (secret_key(conf), encryption_keys(conf)) == ("mine", (("b", KEY), ("a", KEY)))


def test_a_database_url_keeps_every_part() -> None:
    found = database_settings(ELSEWHERE)
    assert [found[key] for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")] == [
        "db.example",
        "5433",
        "hooks",
        "alice",
        "pa@ss",
    ]
    assert found["OPTIONS"]["sslmode"] == "require"
    assert found["CONN_MAX_AGE"] is None


def test_a_database_that_is_cut_off_is_noticed_unless_the_url_says_otherwise() -> None:
    limits = ("keepalives", "keepalives_idle", "tcp_user_timeout", "connect_timeout")
    found = database_settings("postgresql://db/x")["OPTIONS"]
    assert [found[name] for name in limits] == [1, 5, 10_000, 5]
    other = database_settings("postgresql://db/x?keepalives_idle=60&tcp_user_timeout=0")["OPTIONS"]
    assert [str(other[name]) for name in limits] == ["1", "60", "0", "5"]


def test_two_hosts_stay_two() -> None:
    found = database_settings("postgresql://a:1,b:2/x?target_session_attrs=read-write")
    assert (found["HOST"], found["PORT"]) == ("a,b", "1,2")
    assert found["OPTIONS"]["target_session_attrs"] == "read-write"


@pytest.mark.parametrize(
    "url", ["postgresql://alice:secret@db/x?no_such_option=1", "postgresql://alice:secret@db:x y/"]
)
def test_a_wrong_database_url_does_not_show_its_password(url: str) -> None:
    with pytest.raises(WrongSetting, match=r"^DATABASE_URL: ") as raised:
        database_settings(url)
    assert "secret" not in str(raised.value)


def test_a_database_url_must_name_a_database() -> None:
    with pytest.raises(WrongSetting, match="names no database"):
        database_settings("postgresql://db")


def test_mail_goes_to_the_console_unless_a_server_is_named() -> None:
    assert email_settings("")["EMAIL_BACKEND"].endswith("console.EmailBackend")


@pytest.mark.parametrize(
    ("url", "port", "ssl", "tls"),
    [
        ("smtps://u:p%2F@mail.example", 465, True, False),
        ("smtp://u:p%2F@mail.example", 587, False, True),
        ("smtp://mail.example:25", 25, False, False),
    ],
)
def test_a_mail_url_says_how_to_encrypt(url: str, port: int, ssl: bool, tls: bool) -> None:
    found = email_settings(url)
    assert [found[f"EMAIL_{key}"] for key in ("HOST", "PORT", "USE_SSL", "USE_TLS")] == ["mail.example", port, ssl, tls]
    assert found["EMAIL_HOST_PASSWORD"] == ("p/" if "@" in url else "")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("smtp://mail.example:587?tls=true", "nothing stands behind host and port"),
        ("smtp://ops:2#b@mail.example", "%23"),
        ("smtp://ops:2/b@mail.example", "%2F"),
        ("smtp://ops:gr%C3%BCn@mail.example", "ASCII"),
        ("smtp://gr\u00fcn:secret@mail.example", "ASCII"),
    ],
)
def test_a_mail_url_of_which_a_part_would_be_left_out_or_never_be_sent_is_refused(url: str, said: str) -> None:
    with pytest.raises(WrongSetting, match="HOOKPOST_EMAIL_URL: ") as refused:
        email_settings(url)
    assert said in str(refused.value)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("a secret\n")
    assert load({"HOOKPOST_SECRET_KEY_FILE": str(file)}).secret_key == "a secret"


def test_a_setting_and_its_file_are_not_both_taken(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match="HOOKPOST_SECRET_KEY: is set, and so is HOOKPOST_SECRET_KEY_FILE"):
        load({"HOOKPOST_SECRET_KEY": "x", "HOOKPOST_SECRET_KEY_FILE": str(tmp_path)})


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_names_its_variable(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WrongSetting, match="DATABASE_URL_FILE: "):
        load({"DATABASE_URL_FILE": str(file)})
