"""On SQLite every time is text of one length, whoever writes it, so that texts are in the order of times."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now
from django.db.models.sql import Query
from django.db.utils import ConnectionHandler

from annotation.models import Image

pytestmark = pytest.mark.django_db

LENGTH = len("2026-11-22 14:03:11.482000")
OLD = {
    "2026-11-22 14:03:11.482": "2026-11-22 14:03:11.482000",
    "2026-11-22 14:03:11": "2026-11-22 14:03:11.000000",
    "2026-11-22 14:03:11.482001": "2026-11-22 14:03:11.482001",
}


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Any]:
    database = {"ENGINE": "config.sqlite", "NAME": tmp_path / "times"}
    connection: Any = ConnectionHandler({"default": database})["default"]
    yield connection
    connection.close()


def written(connection: Any, expression: Any) -> str:
    compiler = Query(Image).get_compiler(connection=connection)
    resolved = expression.resolve_expression(Query(Image))
    sql, params = compiler.compile(resolved)
    with connection.cursor() as cursor:
        return str(cursor.execute(f"SELECT {sql}", params).fetchone()[0])


def test_the_database_and_django_write_a_time_alike(sqlite: Any) -> None:
    now = datetime(2026, 11, 22, 14, 3, 11, 0, UTC)
    assert sqlite.ops.adapt_datetimefield_value(now) == "2026-11-22 14:03:11.000000"
    exact = sqlite.ops.adapt_datetimefield_value(now + timedelta(microseconds=7))
    assert exact == "2026-11-22 14:03:11.000007"
    assert len(written(sqlite, Now())) == LENGTH


def test_a_sum_that_is_a_whole_second_has_its_digits_too(sqlite: Any) -> None:
    later = ExpressionWrapper(Now() + timedelta(hours=1), output_field=DateTimeField())
    assert len(written(sqlite, later)) == LENGTH
    with sqlite.cursor() as cursor:
        whole = "SELECT django_format_dtdelta('+', '2026-11-22 14:03:10.500000', 500000)"
        assert cursor.execute(whole).fetchone() == ("2026-11-22 14:03:11.000000",)
        # What is no time stays as it was.
        kept = "SELECT django_format_dtdelta('-', 5000000, 2000000)"
        assert cursor.execute(kept).fetchone() == ("0:00:03",)


def test_times_that_are_there_already_are_lengthened(sqlite: Any) -> None:
    migration = import_module("annotation.migrations.0019_times_alike")
    with sqlite.cursor() as cursor:
        cursor.execute('CREATE TABLE "old" (id integer, at datetime NULL, text varchar)')
        for time in [*OLD, None]:
            cursor.execute('INSERT INTO "old" VALUES (1, %s, %s)', [time, time])
        migration.write_alike(None, SimpleNamespace(connection=sqlite))
        rows = cursor.execute('SELECT at || "", text FROM "old"').fetchall()
    assert rows == [*((new, old) for old, new in OLD.items()), (None, None)]
