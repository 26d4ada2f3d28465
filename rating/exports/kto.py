"""The judge's task unpaired: an answer a row, and whether it is right; for TRL's KTO trainer."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from django.utils.translation import gettext_noop

from rating.exports import trl
from rating.exports.format import Format, Row, Source
from rating.exports.preferences import Preference, placed_by


def record(source: Source, preference: Preference) -> Iterator[Row]:
    images, better = trl.shown_order(source, preference)
    shown = [source.pictures.shown(image, preference.split) for image in images]
    for at, answer in enumerate(("A", "B")):
        yield {
            "images": shown,
            "prompt": trl.asked(source, preference),
            "completion": trl.said(source, "assistant", answer),
            "label": at == better,
            "weight": preference.weight,
        }


def schema(options: dict[str, Any]) -> pa.Schema:
    paired = trl.schema(options)
    return pa.schema(
        {
            "images": paired.field("images").type,
            "prompt": paired.field("prompt").type,
            "completion": paired.field("chosen").type,
            "label": pa.bool_(),
            "weight": pa.float64(),
        }
    )


FORMAT = Format(
    key="kto",
    title=gettext_noop("TRL unpaired"),
    help=gettext_noop(
        "The judge's task for TRL's KTO trainer: images, question, an answer, and whether it is right; "
        "two rows a preference."
    ),
    files=("parquet", "jsonl", "zip"),
    columns=("images", "prompt", "completion", "label", "weight"),
    placed=placed_by(record),
    schema=schema,
    options=trl.OPTIONS,
    # By the question, which is in the prompt.
    tells_criteria="question",
)
