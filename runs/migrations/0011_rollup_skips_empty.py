"""The triggers of the roll-up do nothing for a statement that inserted or changed no run.

An INSERT with ON CONFLICT DO UPDATE calls the triggers of both, mostly one of them without rows.
"""

from importlib import import_module

from django.db import migrations

rollup = import_module("runs.migrations.0008_rollup")


def replaced(name: str, changes: str, rows: str = "") -> str:
    """Return the trigger's function again, which returns at once if the table `rows` is empty."""
    guard = f"    IF NOT EXISTS (SELECT FROM {rows}) THEN\n        RETURN NULL;\n    END IF;\n" if rows else ""
    text: str = rollup.trigger_function(name, changes)
    return text.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace("BEGIN\n", f"BEGIN\n{guard}")


ADDED, REMOVED = rollup.ADDED, rollup.REMOVED


class Migration(migrations.Migration):
    dependencies = [("runs", "0010_rollup_in_order")]

    operations = [
        migrations.RunSQL(
            [
                replaced("count_added", ADDED, "added"),
                replaced("count_removed", REMOVED, "removed"),
                replaced("count_changed", f"{ADDED} UNION ALL {REMOVED}", "added"),
            ],
            [
                replaced("count_added", ADDED),
                replaced("count_removed", REMOVED),
                replaced("count_changed", f"{ADDED} UNION ALL {REMOVED}"),
            ],
        ),
    ]
