"""The database's own guard of the log: a comparison is appended, retracted at most once, and no more.

Triggers, not code, because a shell, a migration or a later bug would pass by code. They are made anew
after every `migrate`, since SQLite drops a table's triggers when a migration rebuilds it.
"""

from typing import Any

from django.db import connections

REFUSAL = "the log of comparisons is append-only: a comparison can only be retracted, once"

POSTGRES = f"""
CREATE OR REPLACE FUNCTION pairwright_guard_log() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.retracted_at IS NULL AND NEW.retracted_at IS NOT NULL
        AND to_jsonb(NEW) - 'retracted_at' - 'retracted_by_id'
          = to_jsonb(OLD) - 'retracted_at' - 'retracted_by_id'
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';
END
$guard$;
CREATE OR REPLACE TRIGGER guard_log_rows BEFORE UPDATE OR DELETE ON annotation_comparison
    FOR EACH ROW EXECUTE FUNCTION pairwright_guard_log();
CREATE OR REPLACE TRIGGER guard_log_table BEFORE TRUNCATE ON annotation_comparison
    FOR EACH STATEMENT EXECUTE FUNCTION pairwright_guard_log();
"""

SQLITE = (
    "DROP TRIGGER IF EXISTS guard_log_update",
    f"""
    CREATE TRIGGER guard_log_update BEFORE UPDATE ON annotation_comparison
    WHEN OLD.retracted_at IS NOT NULL OR NEW.retracted_at IS NULL OR {{changed}}
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
    "DROP TRIGGER IF EXISTS guard_log_delete",
    f"""
    CREATE TRIGGER guard_log_delete BEFORE DELETE ON annotation_comparison
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
)


def install(alias: str = "default") -> None:
    connection = connections[alias]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRES)
            return
        columns = [
            column.name
            for column in connection.introspection.get_table_description(
                cursor, "annotation_comparison"
            )
            if not column.name.startswith("retracted_")
        ]
        changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
        for statement in SQLITE:
            cursor.execute(statement.format(changed=changed))


def install_after_migrate(using: str, **kwargs: Any) -> None:
    with connections[using].cursor() as cursor:
        tables = connections[using].introspection.table_names(cursor)
    if "annotation_comparison" in tables:
        install(using)


def is_installed(alias: str = "default") -> bool:
    connection = connections[alias]
    source = {
        "postgresql": "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'guard_log_%' AND tgenabled <> 'D'",
        "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'guard_log_%'",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(source)
        return int(cursor.fetchone()[0]) == 2


def can_be_removed(alias: str = "default") -> bool:
    """Return whether the role that is connected owns the log, and with it the triggers."""
    connection = connections[alias]
    if connection.vendor != "postgresql":
        return False  # whoever may write the file of SQLite may do anything
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(relowner, 'MEMBER') FROM pg_class"
            " WHERE oid = to_regclass('annotation_comparison')"
        )
        row = cursor.fetchone()
    return bool(row and row[0])
