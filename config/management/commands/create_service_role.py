import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError, connection, transaction
from psycopg import sql

ROLE = "pairwright_service"
# May be changed on a row of the log; the triggers of annotation/log_guard.py say how.
RETRACTION = ("retracted_at", "retracted_by_id")

STATEMENTS = (
    "ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {password}",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
    "REVOKE UPDATE, DELETE ON annotation_comparison FROM {role}",
    "GRANT UPDATE ({retraction}) ON annotation_comparison TO {role}",
)


class Command(BaseCommand):
    help = (
        f"Create or renew the database role {ROLE}, as which the program runs: it reads and writes rows, "
        "and can neither change tables nor remove the guard of the log. Run it as the owner of the tables, "
        "after each migrate; POSTGRES_SERVICE_PASSWORD is the role's password."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("POSTGRES_SERVICE_PASSWORD", "")
        if connection.vendor != "postgresql":
            raise CommandError("Only Postgres has roles: set DATABASE_URL to a Postgres database.")
        if not password:
            raise CommandError(
                "Set POSTGRES_SERVICE_PASSWORD to the password that the role is to have."
            )
        try:
            create_service_role(password)
        except ProgrammingError as error:
            raise CommandError(
                f"The role could not be made ({str(error).strip()}): run this as the owner of the tables, "
                "who may create roles, after `manage.py migrate`."
            ) from None


def create_service_role(password: str) -> None:
    """Grant the role exactly what it needs, in one transaction; a second run only sets the password anew."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
        names = {
            "role": sql.Identifier(ROLE),
            "database": sql.Identifier(connection.settings_dict["NAME"]),
            "password": sql.Literal(password),
            "retraction": sql.SQL(", ").join(map(sql.Identifier, RETRACTION)),
        }
        create = () if cursor.fetchone() else ("CREATE ROLE {role}",)
        for statement in (*create, *STATEMENTS):
            cursor.execute(sql.SQL(statement).format(**names))
