from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from django.utils.translation import gettext_noop

from rating.exports.format import Format, Row, Source
from rating.selectors import ratings_of

SCHEMA = pa.schema(
    {
        "criterion": pa.string(),
        "prompt": pa.string(),
        "rank": pa.int64(),
        "rank_low": pa.int64(),
        "rank_high": pa.int64(),
        "image": pa.string(),
        "name": pa.string(),
        "model": pa.string(),
        "mu": pa.float64(),
        "sigma": pa.float64(),
        "score": pa.float64(),
        "comparisons": pa.int64(),
        "wins": pa.int64(),
        "losses": pa.int64(),
        "ties": pa.int64(),
        "run": pa.string(),
        "method": pa.string(),
        "fingerprint": pa.string(),
    }
)
FIELDS = (
    *("image__prompt__text", "rank", "rank_low", "rank_high", "image_id", "image__name"),
    *("image__model", "mu", "sigma", "score", "comparisons", "wins", "losses", "ties"),
)


def rows(source: Source) -> Iterator[Row]:
    run = source.run
    made = {"run": str(run.id), "method": run.method, "fingerprint": run.fingerprint}
    for criterion in source.project.criteria.all():
        ratings = ratings_of(run, criterion).select_related(None).values_list(*FIELDS)
        for values in ratings.iterator(chunk_size=5000):
            row = dict(zip(SCHEMA.names[1:], values, strict=False))
            yield {
                "criterion": criterion.key,
                **row,
                "prompt": row["prompt"] or "",
                "image": str(row["image"]),
                **made,
            }


def schema(options: dict[str, Any]) -> pa.Schema:
    return SCHEMA


FORMAT = Format(
    key="rankings",
    title=gettext_noop("Rankings"),
    help=gettext_noop("A row an image: its rank, mu, sigma and counts in the latest run."),
    files=("csv", "json", "jsonl", "parquet"),
    columns=tuple(SCHEMA.names),
    rows=rows,
    schema=schema,
)
