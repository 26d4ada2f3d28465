"""Preference pairs, ready for training: a row a vote that prefers one image of a prompt to another."""

from collections.abc import Iterator

from annotation.models import Comparison, Outcome
from annotation.selectors import comparison_log, pseudonym
from rating.exports.format import Format, Row, Source


def rows(source: Source) -> Iterator[Row]:
    for comparison in comparison_log(source.project).iterator(chunk_size=2000):
        reason = _why_left_out(comparison)
        if reason:
            source.left_out[reason] += 1
            continue
        chosen, rejected = comparison.left, comparison.right
        if comparison.outcome == Outcome.RIGHT:
            chosen, rejected = rejected, chosen
        urls = source.options.get("images") == "urls"
        yield {
            "prompt": comparison.left.prompt.text if comparison.left.prompt else "",
            "chosen": source.image_url(chosen.id) if urls else chosen.name,
            "rejected": source.image_url(rejected.id) if urls else rejected.name,
            "chosen_model": chosen.model,
            "rejected_model": rejected.model,
            "criterion": comparison.criterion.key,
            "annotator": pseudonym(source.project, comparison.annotator_id),
            "comparison": comparison.id,
            "created_at": comparison.created_at,
        }


def _why_left_out(comparison: Comparison) -> str:
    """A pair needs a winner: what has none is left out, and counted by its reason."""
    if comparison.retracted_at is not None:
        return "retracted"
    if comparison.left.excluded or comparison.right.excluded:
        return "image excluded"
    if comparison.outcome not in (Outcome.LEFT, Outcome.RIGHT):
        return comparison.outcome
    return ""


FORMAT = Format(
    key="pairs",
    title="Preference pairs",
    help="A row a vote with a winner: prompt, chosen, rejected. Ties, skips and undone votes are left out.",
    files=("jsonl",),
    columns=(
        "prompt",
        "chosen",
        "rejected",
        "chosen_model",
        "rejected_model",
        "criterion",
        "annotator",
        "comparison",
        "created_at",
    ),
    rows=rows,
    choices={"images": ("names", "urls")},
)
