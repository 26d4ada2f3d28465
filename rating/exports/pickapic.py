"""The layout of Pick-a-Pic v2, which the diffusion DPO trainers and PickScore's trainer read."""

import hashlib
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pyarrow as pa
from django.utils.translation import gettext_noop

from annotation.errors import Gone
from rating.exports.format import Format, Placed, Row, Source
from rating.exports.options import IMAGES, PICTURE, PREFERENCE, TIES, replaced
from rating.exports.pictures import FILE_GONE
from rating.exports.preferences import Preference, first_shown, preferences, used

# jpg_0 and jpg_1 are raw bytes: the trainers open them, and an Image feature would have been opened already.
SCHEMA = pa.schema(
    {
        "are_different": pa.bool_(),
        "best_image_uid": pa.string(),
        "caption": pa.string(),
        "created_at": pa.timestamp("ns"),
        "has_label": pa.bool_(),
        "image_0_uid": pa.string(),
        "image_0_url": pa.string(),
        "image_1_uid": pa.string(),
        "image_1_url": pa.string(),
        "jpg_0": pa.binary(),
        "jpg_1": pa.binary(),
        "label_0": pa.float64(),
        "label_1": pa.float64(),
        "model_0": pa.string(),
        "model_1": pa.string(),
        "ranking_id": pa.int64(),
        "user_id": pa.int64(),
        "num_example_per_prompt": pa.int64(),
    }
)


def placed(source: Source) -> Iterator[Placed]:
    """A prompt at a time, since each row says how many its prompt has."""
    by_prompt = groupby(preferences(source), key=lambda one: one.judged.one.prompt_id)
    for _, group in by_prompt:
        together = list(group)
        for preference in together:
            try:
                row = _row(source, preference, len(together))
            except Gone:
                source.left_out[FILE_GONE] += preference.votes
                continue
            used(source, preference)
            yield preference.split, row


def _row(source: Source, preference: Preference, of_prompt: int) -> Row:
    one, two = preference.judged.one, preference.judged.two
    labels = preference.label, round(1 - preference.label, 6)
    # A soft label is put so that image 0 is the preferred one: readers that know only 1 and 0 take any other
    # label for “image 0 wins”.
    soft = labels[0] not in (0.0, 0.5, 1.0)
    if labels[0] < 0.5 if soft else not first_shown(source, preference):
        one, two, labels = two, one, labels[::-1]
    embedded = source.options["images"] == "embedded"
    last = max(vote.created_at for vote in preference.judged.votes)
    made = preference.vote.created_at if preference.vote else last
    return {
        "are_different": one.sha256 != two.sha256,
        "best_image_uid": "" if preference.label == 0.5 else str(preference.chosen.id),
        "caption": one.prompt,
        "created_at": made.replace(tzinfo=None),
        "has_label": True,
        "image_0_uid": str(one.id),
        "image_0_url": source.image_url(one.id),
        "image_1_uid": str(two.id),
        "image_1_url": source.image_url(two.id),
        "jpg_0": source.pictures.content(one)[0] if embedded else None,
        "jpg_1": source.pictures.content(two)[0] if embedded else None,
        "label_0": labels[0],
        "label_1": labels[1],
        "model_0": one.model,
        "model_1": two.model,
        "ranking_id": _number(preference.name),
        "user_id": _number(source.pseudonym(preference.vote.annotator)) if preference.vote else 0,
        "num_example_per_prompt": of_prompt,
    }


def _number(name: str) -> int:
    """A whole number for a name, always the same."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1


def schema(options: dict[str, Any]) -> pa.Schema:
    return SCHEMA


FORMAT = Format(
    key="pickapic",
    title=gettext_noop("Pick-a-Pic v2"),
    help=gettext_noop(
        "The layout of Pick-a-Pic v2 with the pictures' bytes inside, for the trainers of Diffusion-DPO and "
        "PickScore."
    ),
    files=("parquet", "zip"),
    columns=tuple(SCHEMA.names),
    placed=placed,
    schema=schema,
    options=(
        *replaced(
            PREFERENCE,
            TIES.only(
                "drop",
                "half",
                "both",
                help=gettext_noop(
                    "drop: ties are left out. both: they become two rows, one in each direction. half: both "
                    "labels are 0.5, which some trainers silently take for “image 0 wins”."
                ),
            ),
        ),
        IMAGES.only("embedded", "urls"),
        PICTURE.only("jpeg", "served", "original"),
    ),
    tells_criteria=False,
)
