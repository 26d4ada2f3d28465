from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from django.utils.translation import gettext_noop

from annotation.exports import COMPARISON_SCHEMA, comparison_batches
from rating.exports.format import Format, Source

# What the ratings know of who compared stands beside who compared.
AFTER = COMPARISON_SCHEMA.get_field_index("annotator") + 1
SCHEMA = COMPARISON_SCHEMA.insert(AFTER, pa.field("reliability", pa.float64())).insert(
    AFTER + 1, pa.field("set_aside", pa.bool_())
)


def batches(source: Source) -> Iterator[pa.RecordBatch]:
    sharpness = {source.pseudonym(key): value for key, value in source.sharpness.items()}
    aside = {source.pseudonym(key) for key in source.set_aside}
    for batch in comparison_batches(source.project):
        people = batch.column("annotator")
        names = people.dictionary.to_pylist()
        known = pa.array([sharpness.get(name) for name in names], pa.float64())
        out = pa.array([name in aside for name in names], pa.bool_())
        columns = list(batch.columns)
        columns[AFTER:AFTER] = [known.take(people.indices), out.take(people.indices)]
        source.read += len(batch)
        yield pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def schema(options: dict[str, Any]) -> pa.Schema:
    return SCHEMA


FORMAT = Format(
    key="comparisons",
    title=gettext_noop("Raw comparisons"),
    help=gettext_noop(
        "The whole log: a row a comparison, retracted ones too, with nothing merged."
    ),
    files=("csv", "json", "jsonl", "parquet"),
    columns=tuple(SCHEMA.names),
    batches=batches,
    schema=schema,
)
