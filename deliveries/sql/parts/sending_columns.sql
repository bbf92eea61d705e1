-- How an endpoint wants its requests and with what they are signed, as a leased lane keeps it.
-- e (of hookpost_endpoint), secrets (of parts/valid_secrets.sql)
-- In the order of the rows of engine_rows.py; whether it is enabled is for each statement to say.
e.signing, {shaping} AS shaping, least(e.rate_limit, e.allowed_rate / 60.0)::float8 AS rate_limit, e.max_in_flight,
    e.retry_schedule, e.timeout_seconds, e.ordered, e.set_aside_after, e.headers_sealed, e.credentials_sealed,
    secrets.secret_ids, secrets.sealed, secrets.hints
