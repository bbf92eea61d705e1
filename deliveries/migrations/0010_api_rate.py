"""Buckets of the API's rate limit: unlogged, since a crash may as well refill them."""

from django.db import migrations

CREATE = """
CREATE UNLOGGED TABLE hookpost_api_rate (
    key_id uuid PRIMARY KEY,
    tokens double precision NOT NULL,
    taken boolean NOT NULL,
    refilled_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE hookpost_api_rate IS 'sql/take_token.sql';
"""


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0003_log")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE hookpost_api_rate;")]
