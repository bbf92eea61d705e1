"""What the doctor asks the database: the server, what is stored in it, and who works on it.

What lives here: one function for each, which yields findings. It must not know a request or a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import DatabaseError, connection, transaction

from deliveries import __version__
from deliveries.conf import conf
from deliveries.management.doctor.diagnosis import Diagnosis, fail, ok, warn
from deliveries.models import Worker
from deliveries.models.clock import measure
from deliveries.protocol.writing.clock import span_in_words
from deliveries.services.common import clock
from deliveries.services.housekeeping import keyring
from deliveries.services.housekeeping.retention import TABLES, partitions_of
from deliveries.services.housekeeping.tables import NOT_MIGRATED, missing_migrations
from deliveries.services.process.readiness import OK, database_word
from deliveries.services.reading.stats import queue_stats

OLDEST_VERSION = 150_000
DAYS_WANTED = 5  # open ahead; the leader opens a week
OLD_DAYS = 2  # beyond the retention
NOBODY_SECONDS, LATE_SECONDS, VERY_LATE_SECONDS = 10, 60, 300
BEAT_SECONDS = 10
CLOCK_SECONDS = 1.0
WRAP_AROUND = 1_500_000_000
SERVER = """
SELECT current_setting('server_version'), current_setting('server_version_num')::int,
    current_setting('fsync')::bool AND current_setting('full_page_writes')::bool,
    current_setting('synchronous_commit'), current_setting('max_connections')::int,
    (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend'),
    pg_database_size(current_database()), (SELECT max(age(datfrozenxid))::int FROM pg_database),
    current_setting('statement_timeout')
"""
MAY_OPEN_DAYS = """
SELECT pg_has_role(relowner, 'USAGE') AND has_schema_privilege(relnamespace, 'CREATE'), pg_get_userbyid(relowner)
FROM pg_class WHERE oid = 'hookpost_event'::regclass
"""
NO_DAY = "no partition for today"
ADVICE = {
    "unreachable": "Start PostgreSQL, or correct DATABASE_URL; accepted events are safe meanwhile.",
    "does not answer": "It hangs, or is cut off: look at its host.",
    "no connection left": "Raise max_connections, or see who holds them in pg_stat_activity.",
    "read-only": "DATABASE_URL leads to a standby, or the server takes no writes: name the primary, or two hosts.",
    "disk full": "Make room, or let HOOKPOST_RETENTION_DAYS keep fewer days; nothing has to be restarted.",
    "locked": "Another session locks a table of ours: see docs/runbooks.md, The database cannot be used.",
    NO_DAY: "Start a worker or a dispatcher: the one that leads opens days; its log says why not.",
}


def is_there() -> bool:
    """Say whether anything else can be asked."""
    return database_word() not in ("unreachable", "does not answer", "no connection left")


def has_tables() -> bool:
    """Say whether what is stored can be asked: a new database holds nothing of ours."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('hookpost_event') IS NOT NULL")
            return bool(cursor.fetchone()[0])
    except DatabaseError:  # each question says so for itself
        return True


def usable() -> Iterator[Diagnosis]:
    """Whether the database answers, takes writes, and has today's partition."""
    word = database_word()
    is_well = word == OK or (word == NO_DAY and not has_tables())  # tables() tells that
    yield ok("database", "answers and takes writes") if is_well else fail("database", word, ADVICE[word])


def server() -> Iterator[Diagnosis]:
    """What kind of server it is, and whether it keeps its promises."""
    with connection.cursor() as cursor:
        cursor.execute(SERVER)
        version, number, is_durable, commit, limit, used, size, age, timeout = cursor.fetchone()
    says = f"PostgreSQL {version}, {size / 1e9:.2f} GB, {used} of {limit} connections"
    if number < OLDEST_VERSION:
        yield fail("server", says, "Hookpost wants PostgreSQL 15 or newer.")
    elif used > 0.8 * limit:
        yield warn("server", says, "Raise max_connections, or put PgBouncer in between.")
    else:
        yield ok("server", says)
    if not is_durable or commit in ("off", "local"):
        do = "Set fsync, full_page_writes and synchronous_commit on."
        yield warn("durability", "what was answered 202 may be lost when power fails", do)
    if age > WRAP_AROUND:
        yield fail("server", f"vacuum is {age:,} transactions behind", "Run VACUUM (FREEZE) before it stops writing.")
    yield from _pooling(timeout)


def _pooling(timeout: str) -> Iterator[Diagnosis]:
    if not getattr(connection.connection, "is_pooled", False):
        yield ok("pooling", "none, or by session: every part works over this URL")
    elif not allows_transactions():
        do = "Set pool_mode to transaction or session: workers and changes of settings need transactions."
        yield fail("pooling", "by statement", do)
    elif timeout == "0":
        do = "ALTER ROLE … SET statement_timeout = '30s'; and run migrate and up with a URL of the server itself."
        yield warn("pooling", "by transaction, and no statement has a time limit", do)
    else:
        yield ok("pooling", "by transaction: migrate and up want a URL of the server itself")


def allows_transactions() -> bool:
    """Say whether more than one statement may belong together."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def tables() -> Iterator[Diagnosis]:
    """Whether all migrations have run."""
    if missing := missing_migrations():
        yield fail("tables", f"{len(missing)} migrations are missing, {missing[0]} is next", NOT_MIGRATED)
    else:
        yield ok("tables", "all migrations have run")


def stored_keys() -> Iterator[Diagnosis]:
    """Whether the keyring opens what is stored, and whether an old key may go."""
    uses = keyring.stored_keys()
    lost = sorted({use.key_id for use in uses if not use.opens})
    old = sorted({use.key_id for use in uses if use.opens} - {keyring.first_key_id()})
    if problem := keyring.ring_problem():
        yield fail("keys", problem, "Put the key back into HOOKPOST_ENCRYPTION_KEYS.")
    elif lost:
        do = "Put the keys back, or rotate the secrets of the endpoints concerned: they are not sent to."
        yield fail("keys", f"nothing opens what {', '.join(lost)} sealed", do)
    elif old:
        yield warn("keys", f"{', '.join(old)} still seals something", "Run manage.py rotate_keys before it goes.")
    else:
        yield ok("keys", f"{keyring.first_key_id()} opens everything that is stored")


def clocks() -> Iterator[Diagnosis]:
    """How far this host and those of the workers are from the database's clock."""
    yield _clock_finding("this host", measure().correction_seconds)
    for worker in _living():
        if worker.clock_offset_seconds is not None:
            yield _clock_finding(f"{worker.host}, process {worker.pid}", worker.clock_offset_seconds)


def _clock_finding(who: str, offset: float) -> Diagnosis:
    says = f"{who} is {span_in_words(abs(offset))} {'ahead of' if offset > 0 else 'behind'} the database"
    if abs(offset) > conf.clock_tolerance_seconds:
        return fail("clock", says, "It stands still until its clock is set (NTP).")
    return warn("clock", says, "Look at its NTP.") if abs(offset) > CLOCK_SECONDS else ok("clock", says)


def processes() -> Iterator[Diagnosis]:
    """Who delivers and who leads."""
    living = _living()
    hosts = {(each.host, each.pid): each.version for each in living}
    if not hosts:
        yield fail("workers", "none has given a sign of life for ten seconds", "Start manage.py worker.")
    else:
        yield ok(
            "workers", f"{len(hosts)} deliver or lead: " + ", ".join(f"{host}:{pid}" for host, pid in sorted(hosts))
        )
    if others := sorted(set(hosts.values()) - {__version__, ""}):
        yield warn("workers", f"some run {', '.join(others)}, this is {__version__}", "Finish the upgrade.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT holder FROM hookpost_leader WHERE name = 'dispatcher' AND until > now()")
        leader = cursor.fetchone()
    if leader:
        yield ok("leader", leader[0].rpartition(":")[0])
    else:
        yield fail("leader", "no dispatcher leads", "Start a worker or manage.py dispatcher; its log says why not.")


def _living() -> list[Worker]:
    since = clock.database_now() - timedelta(seconds=BEAT_SECONDS)
    return list(Worker.objects.filter(beat_at__gt=since).order_by("host", "pid"))


def days() -> Iterator[Diagnosis]:
    """Whether the days to come are open, and those beyond the retention gone."""
    today = clock.database_now().date()
    wanted = {f"{table}_p{today + timedelta(days=ahead):%Y%m%d}" for table in TABLES for ahead in range(DAYS_WANTED)}
    present = {name for table in TABLES for name in partitions_of(table)}
    oldest = f"{today - timedelta(days=conf.retention_days + OLD_DAYS):%Y%m%d}"
    past = sorted({day for name in present if (day := name.rpartition("_p")[2]) < oldest})
    with connection.cursor() as cursor:
        cursor.execute(MAY_OPEN_DAYS)
        may_open, owner = cursor.fetchone()
    if not may_open:
        do = f"Have the processes use {owner}, or GRANT it to their user, who also needs CREATE on the schema."
        yield fail("days", f"only {owner} may open and drop them: the user of this DATABASE_URL may not", do)
    elif missing := sorted(wanted - present):
        yield fail("days", f"{missing[0]} is missing", "Start a worker or a dispatcher: the one that leads opens days.")
    elif past:
        do = "Somebody reads them for long, or nobody leads: look for partition_in_use in the log."
        yield warn("days", f"{len(past)} days are older than the retention, {past[0]} is the oldest", do)
    else:
        yield ok("days", f"open from {min(present).rpartition('_p')[2]} to {max(present).rpartition('_p')[2]}")


def lanes() -> Iterator[Diagnosis]:
    """Whether anything is late."""
    stats = queue_stats()
    late = stats.oldest_due_seconds
    if late > NOBODY_SECONDS and not stats.lanes_leased:
        says = f"{stats.due} deliveries wait, one for {span_in_words(late)}, and no worker has any in hand"
        yield fail(
            "lanes", says, "Start manage.py worker: a dispatcher alone delivers nothing. Its log says why it ended."
        )
        return
    says = f"{stats.due} deliveries are due or will be, {stats.held} are held, {stats.lanes_resting} lanes rest"
    do = "Start workers, or more of them; see docs/runbooks.md, Deliveries are late."
    if late > LATE_SECONDS:
        grade = fail if late > VERY_LATE_SECONDS else warn
        yield grade("lanes", f"the oldest delivery has waited {span_in_words(late)} for a worker; {says}", do)
    else:
        yield ok("lanes", f"nothing is late; {says}")


OF_THE_SERVER = (server, tables)
CHECKS = (stored_keys, clocks, processes, days, lanes)
