"""What lists of API versions and of their changes are called. Nothing in the database changes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0075_trace_words")]

    operations = [
        migrations.AlterModelOptions(name="apiversion", options={"ordering": ("id",), "verbose_name": "API version"}),
        migrations.AlterModelOptions(
            name="versionchange",
            options={
                "ordering": ("event_type",),
                "verbose_name": "change",
                "verbose_name_plural": "changes with versions",
            },
        ),
    ]
