from django.db import migrations

INDEX = {
    "posthog_account_day_by_day": "posthog_account_day",
    "posthog_event_day_by_day": "posthog_account_event_day",
}


def index_by_day(apps, schema_editor):
    """Rows lie by day, as syncs store them: BRIN knows of each run of pages the first and the last
    day. Without ``autosummarize`` it knew nothing of the newest pages until the next vacuum.

    SQLite finds an account's days by the primary key, and would not use an index by day.
    """
    if schema_editor.connection.vendor == "postgresql":
        for name, table in INDEX.items():
            schema_editor.execute(
                f"CREATE INDEX {name} ON {table} USING brin (day) WITH (autosummarize = on)"
            )


def no_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEX:
            schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    dependencies = [("integrations_posthog", "0003_signals")]

    operations = [migrations.RunPython(index_by_day, no_index)]
