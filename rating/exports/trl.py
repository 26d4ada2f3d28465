"""The judge's task as TRL's trainers read it: two images and a question, the better and the worse answer.

Their images belong to the prompt; chosen and rejected are text. So “image A over image B” is asked as a
question of which the answers are A and B.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from django.utils.translation import gettext_noop

from rating.exports.format import Facts, Format, Row, Source
from rating.exports.options import IMAGES, PICTURE, PREFERENCE, TIES, Choice, replaced
from rating.exports.preferences import Preference, first_shown, placed_by
from rating.exports.tables import IMAGE

MESSAGES = pa.list_(pa.struct({"role": pa.string(), "content": pa.string()}))
PROMPTS = Choice(
    "prompts",
    gettext_noop(
        "messages: prompt and answers as lists of role and content. text: as plain strings."
    ),
    "messages",
    ("messages", "text"),
)
OPTIONS = (
    *replaced(PREFERENCE, TIES.only("drop", "both")),
    IMAGES,
    PICTURE,
    PROMPTS,
)
# A label between 1 and 0 has no place in these layouts; the margin says how sure the ratings are.
OPTIONS = tuple(option for option in OPTIONS if option.name != "labels")


def record(source: Source, preference: Preference) -> Iterator[Row]:
    images, better = shown_order(source, preference)
    answers = ("A", "B") if better == 0 else ("B", "A")
    yield {
        "images": [source.pictures.shown(image, preference.split) for image in images],
        "prompt": asked(source, preference),
        "chosen": said(source, "assistant", answers[0]),
        "rejected": said(source, "assistant", answers[1]),
        "margin": preference.margin,
        "weight": preference.weight,
    }


def shown_order(source: Source, preference: Preference) -> tuple[list[Facts], int]:
    """The two images as A and B, sides by a hash, and which of them is the better one."""
    pair = preference.judged
    images = [pair.one, pair.two] if first_shown(source, preference) else [pair.two, pair.one]
    return images, images.index(preference.chosen)


def asked(source: Source, preference: Preference) -> Any:
    prompt = preference.judged.one.prompt
    question = (
        f"{preference.judged.criterion.question} Answer A for the first image or B for the second."
    )
    return said(
        source, "user", f"Both images were made for: {prompt}\n{question}" if prompt else question
    )


def said(source: Source, role: str, text: str) -> Any:
    return [{"role": role, "content": text}] if source.options["prompts"] == "messages" else text


def schema(options: dict[str, Any]) -> pa.Schema:
    text = MESSAGES if options["prompts"] == "messages" else pa.string()
    return pa.schema(
        {
            "images": pa.list_(IMAGE if options["images"] == "embedded" else pa.string()),
            "prompt": text,
            "chosen": text,
            "rejected": text,
            "margin": pa.float64(),
            "weight": pa.float64(),
        }
    )


FORMAT = Format(
    key="trl",
    title=gettext_noop("TRL preference"),
    help=gettext_noop(
        "The judge's task for TRL's DPO and reward trainers: images, question, chosen and rejected answer, "
        "with the log-odds of the ratings as margin."
    ),
    files=("parquet", "jsonl", "zip"),
    columns=("images", "prompt", "chosen", "rejected", "margin", "weight"),
    placed=placed_by(record),
    schema=schema,
    options=OPTIONS,
    # By the question, which is in the prompt.
    tells_criteria="question",
)
