-- Whether the server has run for so long since a crash that all who live have made the leases again that it undid.
-- silent_seconds float
-- PostgreSQL itself empties the table after a crash, and in a backup or a standby that takes over: of the last moment before it, what waited for no disk is gone. The next beat notes when that was. One who has not renewed in so long is lost. A moment of the future was before the database's clock was set back.
EXISTS (
    SELECT FROM hookpost_unbroken u
    WHERE u.since NOT BETWEEN now() - make_interval(secs => %(silent_seconds)s::float8)
        AND now() + make_interval(secs => %(silent_seconds)s::float8)
)
