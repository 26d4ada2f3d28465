"""Pairs with their pictures in one Parquet file, which `datasets` shows as images, streaming too."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from django.utils.translation import gettext_noop

from rating.exports.format import Format, Row, Source
from rating.exports.options import PICTURE, PREFERENCE
from rating.exports.preferences import Preference, placed_by
from rating.exports.tables import IMAGE

SCHEMA = pa.schema(
    {
        "prompt": pa.string(),
        "image_1": IMAGE,
        "image_2": IMAGE,
        "label_1": pa.float64(),
        "label_2": pa.float64(),
        "model_1": pa.string(),
        "model_2": pa.string(),
        "criterion": pa.string(),
        "votes_1": pa.int64(),
        "votes_2": pa.int64(),
        "ties": pa.int64(),
        "p_image1": pa.float64(),
        "weight": pa.float64(),
    }
)


def record(source: Source, preference: Preference) -> Iterator[Row]:
    judged = preference.judged
    one, two = judged.one, judged.two
    yield {
        "prompt": one.prompt,
        "image_1": source.pictures.shown(one, preference.split),
        "image_2": source.pictures.shown(two, preference.split),
        "label_1": preference.label,
        "label_2": round(1 - preference.label, 6),
        "model_1": one.model,
        "model_2": two.model,
        "criterion": judged.criterion.key,
        "votes_1": judged.count(1),
        "votes_2": judged.count(-1),
        "ties": judged.count(0),
        "p_image1": preference.p,
        "weight": preference.weight,
    }


def schema(options: dict[str, Any]) -> pa.Schema:
    return SCHEMA


FORMAT = Format(
    key="hf_parquet",
    title=gettext_noop("Parquet with images"),
    help=gettext_noop(
        "Both images, their labels, votes and the probability that the first is better, in Parquet of the "
        "`datasets` library."
    ),
    files=("parquet", "zip"),
    columns=tuple(SCHEMA.names),
    placed=placed_by(record),
    schema=schema,
    options=(*PREFERENCE, PICTURE),
)
