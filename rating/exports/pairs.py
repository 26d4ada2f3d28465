"""Preference pairs: a row a vote (prompt, chosen, rejected), or a row a pair with all that was said of it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pyarrow as pa
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotation.errors import Invalid
from rating.exports.format import Format, Row, Source
from rating.exports.options import IMAGES, PICTURE, PREFERENCE
from rating.exports.preferences import Preference, placed_by

TIME = pa.timestamp("us", tz="UTC")
VOTE = pa.schema(
    {
        "prompt": pa.string(),
        "chosen": pa.string(),
        "rejected": pa.string(),
        "chosen_model": pa.string(),
        "rejected_model": pa.string(),
        "criterion": pa.string(),
        "annotator": pa.string(),
        "weight": pa.float64(),
        "margin": pa.float64(),
        "comparison": pa.string(),
        "from_lineup": pa.bool_(),
        "created_at": TIME,
    }
)
PAIR = pa.schema(
    {
        "prompt": pa.string(),
        "criterion": pa.string(),
        "image_1": pa.string(),
        "image_2": pa.string(),
        "path_1": pa.string(),
        "path_2": pa.string(),
        "model_1": pa.string(),
        "model_2": pa.string(),
        "votes_1": pa.int64(),
        "votes_2": pa.int64(),
        "ties": pa.int64(),
        "both_bad": pa.int64(),
        "from_lineups": pa.int64(),
        "agreement": pa.float64(),
        "p_image1": pa.float64(),
        "label": pa.float64(),
        "weight": pa.float64(),
    }
)


def record(source: Source, preference: Preference) -> Iterator[Row]:
    row = _vote if preference.vote else _pair
    yield row(source, preference)


def _vote(source: Source, preference: Preference) -> Row:
    vote, chosen, rejected = preference.vote, preference.chosen, preference.rejected
    assert vote
    return {
        "prompt": chosen.prompt,
        "chosen": source.pictures.shown(chosen, preference.split),
        "rejected": source.pictures.shown(rejected, preference.split),
        "chosen_model": chosen.model,
        "rejected_model": rejected.model,
        "criterion": preference.judged.criterion.key,
        "annotator": source.pseudonym(vote.annotator),
        "weight": preference.weight,
        "margin": preference.margin,
        "comparison": str(UUID(vote.id)),
        "from_lineup": vote.lineup,
        "created_at": vote.created_at,
    }


def _pair(source: Source, preference: Preference) -> Row:
    judged = preference.judged
    one, two = judged.one, judged.two
    return {
        "prompt": one.prompt,
        "criterion": judged.criterion.key,
        "image_1": str(one.id),
        "image_2": str(two.id),
        "path_1": source.pictures.shown(one, preference.split),
        "path_2": source.pictures.shown(two, preference.split),
        "model_1": one.model,
        "model_2": two.model,
        "votes_1": judged.count(1),
        "votes_2": judged.count(-1),
        "ties": judged.count(0),
        "both_bad": judged.both_bad,
        "from_lineups": judged.from_lineups,
        "agreement": judged.agreement,
        "p_image1": preference.p,
        "label": preference.label,
        "weight": preference.weight,
    }


def schema(options: dict[str, Any]) -> pa.Schema:
    return VOTE if options["votes"] == "each" else PAIR


def check(file: str, options: dict[str, Any]) -> None:
    if options["votes"] == "each" and options["ties"] == "half":
        raise Invalid(
            _(
                "A single tie has no chosen image: “ties” half needs “votes” majority or "
                "posterior, or take “both”."
            ),
            "options",
        )


FORMAT = Format(
    key="pairs",
    title=gettext_noop("Preference pairs"),
    help=gettext_noop(
        "A row a vote with a winner (prompt, chosen, rejected), or a row a pair with its votes, the "
        "probability that its first image is better, and a label."
    ),
    files=("jsonl", "json", "csv", "parquet", "zip"),
    columns=tuple(dict.fromkeys([*VOTE.names, *PAIR.names])),
    placed=placed_by(record),
    schema=schema,
    options=(*PREFERENCE, IMAGES.only("names", "urls", "paths"), PICTURE),
    check=check,
)
