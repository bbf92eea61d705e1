"""What an act was done to is called its object. Nothing in the database changes: its column keeps its name."""

from django.db import migrations, models

COLUMN = {"max_length": 64, "db_column": "target", "help_text": "Id of what it was done to."}
INDEX = "audit_entry_by_target"


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0073_names_of_lists")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex(model_name="auditentry", name=INDEX),
                migrations.AlterField(model_name="auditentry", name="target", field=models.CharField(**COLUMN)),
                migrations.RenameField(model_name="auditentry", old_name="target", new_name="object_id"),
                migrations.AddIndex(model_name="auditentry", index=models.Index(fields=["object_id"], name=INDEX)),
            ]
        )
    ]
