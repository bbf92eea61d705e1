"""Which web node reports the figures of the whole database; unlogged, since a crash may as well forget it."""

from django.db import migrations

CREATE = """
CREATE UNLOGGED TABLE hookpost_reporter (
    only_one boolean PRIMARY KEY CHECK (only_one),
    node text NOT NULL,
    until timestamptz NOT NULL
);
COMMENT ON TABLE hookpost_reporter IS 'sql/report_figures.sql';
"""


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0023_endpoint_limit")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE hookpost_reporter;")]
