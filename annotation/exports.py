"""The log of comparisons, a row each, ready to be written to a file."""

from collections.abc import Iterator
from typing import Any

from annotation.models import Project
from annotation.selectors import comparison_log, pseudonym

COMPARISON_COLUMNS = (
    "id",
    "project",
    "criterion",
    "prompt",
    "left",
    "left_name",
    "left_model",
    "right",
    "right_name",
    "right_model",
    "outcome",
    "strength",
    "reason",
    "annotator",
    "duration_ms",
    "shown_at",
    "created_at",
    "retracted_at",
    "strategy",
    "probability",
)


def comparison_rows(project: Project) -> Iterator[dict[str, Any]]:
    """Every comparison in the log's order, retracted ones too; memory does not grow with the log."""
    names: dict[Any, str] = {}
    for comparison in comparison_log(project).iterator(chunk_size=2000):
        annotator = names.setdefault(
            comparison.annotator_id, pseudonym(project, comparison.annotator_id)
        )
        left, right, assignment = comparison.left, comparison.right, comparison.assignment
        yield {
            "id": comparison.id,
            "project": project.id,
            "criterion": comparison.criterion.key,
            "prompt": left.prompt.text if left.prompt else "",
            "left": left.id,
            "left_name": left.name,
            "left_model": left.model,
            "right": right.id,
            "right_name": right.name,
            "right_model": right.model,
            "outcome": comparison.outcome,
            "strength": comparison.strength,
            "reason": comparison.reason,
            "annotator": annotator,
            "duration_ms": comparison.duration_ms,
            "shown_at": assignment.created_at,
            "created_at": comparison.created_at,
            "retracted_at": comparison.retracted_at,
            "strategy": assignment.strategy,
            "probability": assignment.probability,
        }
