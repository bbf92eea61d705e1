"""An Idempotency-Key belongs to a customer or to the installation, no longer to the API key that it came with.

Keys that are known already change hands, a bounded number at a time, so that a request that is sent again across
this migration is still recognised. Where two API keys of one owner used the same key, the first one stays known.
"""

from django.db import migrations, models

INSTALLATION = "00000000-0000-0000-0000-000000000001"
STEP = f"""
WITH chosen AS (
    SELECT k.owner_id, k.key, o.id AS new_owner_id
    FROM hookpost_idempotency_key k
    JOIN hookpost_api_key a ON a.id = k.owner_id
    CROSS JOIN LATERAL (SELECT coalesce(a.customer_id, '{INSTALLATION}'::uuid) AS id) o
    WHERE NOT EXISTS (SELECT FROM hookpost_idempotency_key same WHERE same.owner_id = o.id AND same.key = k.key)
    LIMIT 5000
), first AS (
    SELECT DISTINCT ON (new_owner_id, key) * FROM chosen ORDER BY new_owner_id, key, owner_id
)
UPDATE hookpost_idempotency_key k SET owner_id = f.new_owner_id
FROM first f WHERE k.owner_id = f.owner_id AND k.key = f.key
"""  # noqa: S608  # nothing in it comes from outside


def change_hands(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(STEP)
            if cursor.rowcount < 1:
                return


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("deliveries", "0019_endpoint_hour")]

    operations = [
        migrations.AddField(
            model_name="idempotencykey",
            name="customer_id",
            field=models.UUIDField(null=True, help_text="Whom the event is for; the key ends with this customer."),
        ),
        migrations.AlterField(
            model_name="idempotencykey",
            name="deliveries",
            field=models.IntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="idempotencykey",
            name="owner_id",
            field=models.UUIDField(help_text="The customer whose key it came with; of a service the installation."),
        ),
        migrations.RunPython(change_hands, migrations.RunPython.noop),
    ]
