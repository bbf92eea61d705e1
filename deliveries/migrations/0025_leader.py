"""Who dispatches; unlogged, since whoever leads says so again each second."""

from django.db import migrations

CREATE = """
CREATE UNLOGGED TABLE hookpost_leader (
    name text PRIMARY KEY,
    holder text NOT NULL,
    until timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE hookpost_leader IS 'sql/take_lead.sql';
"""


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0024_reporter")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE hookpost_leader;")]
