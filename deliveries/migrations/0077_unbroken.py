"""Since when the server has gone on without a crash; unlogged, for PostgreSQL itself empties such a table after one.

So it does with the files of a backup, and with a standby that takes over. What was there before is taken for unbroken.
"""

from django.db import migrations

CREATE = """
CREATE UNLOGGED TABLE hookpost_unbroken (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    since timestamptz NOT NULL
);
COMMENT ON TABLE hookpost_unbroken IS 'sql/beat.sql';
INSERT INTO hookpost_unbroken (since) VALUES ('epoch');
"""


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0076_names_of_versions")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE hookpost_unbroken;")]
