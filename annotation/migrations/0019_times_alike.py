"""SQLite: the times that are there already get six digits behind the second, as all have from now on.

See config/sqlite/base.py. Every table of the database is gone through, those of other apps too. The guard of
the log would refuse it; it is made anew after every `migrate` (annotation/log_guard.py).
"""

from typing import Any

from django.db import migrations

GUARDS = ("guard_log_update", "guard_log_delete")


def write_alike(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        for guard in GUARDS:
            cursor.execute(f"DROP TRIGGER IF EXISTS {guard}")
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"PRAGMA table_info({connection.ops.quote_name(table)})")
            for _, column, kind, *_ in cursor.fetchall():
                if kind == "datetime":
                    _lengthen(cursor, *map(connection.ops.quote_name, (table, column)))


def _lengthen(cursor: Any, table: str, column: str) -> None:
    cursor.execute(
        f"UPDATE {table} SET {column} = substr("  # noqa: S608 - both are quoted
        f" CASE WHEN length({column}) = 19 THEN {column} || '.' ELSE {column} END || '000000', 1, 26)"
        f" WHERE length({column}) BETWEEN 19 AND 25"
    )


class Migration(migrations.Migration):
    dependencies = [("annotation", "0018_fallbacks")]

    operations = [migrations.RunPython(write_alike, migrations.RunPython.noop)]
