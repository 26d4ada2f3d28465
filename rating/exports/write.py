"""Writing a format to a stream: one table, or an archive of tables and pictures with the data card."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings

from rating.exports.archives import Zip
from rating.exports.card import card
from rating.exports.format import ARCHIVES, SCHEMA_VERSION, WHOLE, Format, Source
from rating.exports.tables import Table, table


def write(format: Format, file: str, source: Source, stream: BinaryIO) -> Iterator[int]:
    """Write row after row, and yield how many are written, so that progress can be told."""
    if format.write:
        yield from format.write(file, source, stream)
    elif file in ARCHIVES:
        yield from _write_archive(format, source, stream)
    else:
        yield from write_table(format, file, source, stream)


def write_table(format: Format, file: str, source: Source, stream: BinaryIO) -> Iterator[int]:
    with closing(_table(format, file, source, stream)) as target:
        if format.batches:
            for batch in format.batches(source):
                target.write_batch(batch)
                source.counts[WHOLE] += len(batch)
                yield source.counts[WHOLE]
            return
        for written, (split, row) in enumerate(format.placed_rows(source), start=1):
            target.write(row)
            source.counts[split] += 1
            yield written


def _table(format: Format, kind: str, source: Source, stream: BinaryIO) -> Table:
    schema = format.schema(source.options) if format.schema else None
    columns = format.columns_of(source.options)
    return table(kind, stream, columns, schema, SCHEMA_VERSION if format.versioned else None)


def _write_archive(format: Format, source: Source, stream: BinaryIO) -> Iterator[int]:
    """Pictures go into the archive as they come; tables grow beside it meanwhile, in files of their own."""
    kind = format.member.rpartition(".")[2]
    with (
        closing(Zip(stream)) as archive,
        tempfile.TemporaryDirectory(prefix=".draft-", dir=settings.EXPORT_DIR) as name,
    ):
        folder = Path(name)
        source.pictures.keep, source.pictures.folder = archive.add, format.pictures
        with ExitStack() as files:
            tables: dict[str, Table] = {}
            for split in source.options.get("split") or {WHOLE: 1.0}:
                file = files.enter_context((folder / split).open("wb"))
                one = _table(format, kind, source, cast(BinaryIO, file))
                tables[split] = files.enter_context(closing(one))
            for written, (split, row) in enumerate(format.placed_rows(source), start=1):
                tables[split].write(row)
                source.counts[split] += 1
                yield written
        for split in members(source):
            archive.add_file(format.member.format(split=split), folder / split)
        paths = {split: format.pattern_of(split) for split in members(source)}
        archive.add("README.md", card(format, "zip", source, paths).encode())


def members(source: Source) -> list[str]:
    """The splits that an archive has files of: those with rows; if there are none, an empty first one."""
    splits = list(source.options.get("split") or {WHOLE: 1.0})
    return [split for split in splits if source.counts[split]] or splits[:1]
