"""Django's SQLite backend, with every time written alike.

SQLite has no type for times: it keeps and compares text. Django's own backend writes a value with six digits
behind the second, or none if they are zero, while the database's clock writes three. Such texts neither
equal nor follow each other as the times do, so a list that is cut at a time repeats rows, or never ends.
Here each time has six digits, whoever writes it: "2026-11-22 14:03:11.482000", in UTC.
"""

import re
from datetime import UTC, datetime
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.backends.sqlite3._functions import _sqlite_format_dtdelta  # type: ignore[import-untyped]
from django.db.backends.sqlite3.operations import DatabaseOperations as SQLiteOperations
from django.db.models.functions import Now

WITHOUT_FRACTION = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def time_text(time: datetime) -> str:
    """Write a time, which is in UTC if it names no zone."""
    if time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return time.isoformat(sep=" ", timespec="microseconds")


def _now(self: Now, compiler: Any, connection: Any, **context: Any) -> Any:
    template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f000', 'NOW')"
    return self.as_sql(compiler, connection, template=template, **context)


# As Django's documentation has backends add their own SQL to a function.
Now.as_sqlite = _now  # type: ignore[method-assign, assignment]


def _sum(connector: str | None, left: Any, right: Any) -> Any:
    """Do what Django's function does for `Now() + duration`, and write all six digits."""
    found = _sqlite_format_dtdelta(connector, left, right)
    if isinstance(found, str) and WITHOUT_FRACTION.fullmatch(found):
        return f"{found}.000000"
    return found


class DatabaseOperations(SQLiteOperations):
    def adapt_datetimefield_value(self, value: datetime | None) -> str | None:
        return None if value is None else time_text(value)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.create_function("django_format_dtdelta", 3, _sum, deterministic=True)
        return connection
