"""Reads that end in plain values; no query leaves here unfinished but the lists that pages cut."""

from annotation.selectors.duplicates import duplicate_clusters, open_duplicates
from annotation.selectors.fallbacks import RandomInstead, random_instead
from annotation.selectors.flags import decisions_of, flags_of, paused_in
from annotation.selectors.images import images_of, prompts_of
from annotation.selectors.introduction import (
    Practice,
    examples_of,
    has_introduction,
    needs_introduction,
    practice_of,
    sides,
)
from annotation.selectors.project import (
    JUDGEMENTS,
    Lately,
    OwnProgress,
    Progress,
    annotators,
    comparison_log,
    comparisons_by_day,
    criterion_asked,
    criterion_named,
    invitations_of,
    lately,
    members_of,
    open_assignments,
    own_history,
    own_progress,
    possible_pairs,
    progress,
    pseudonym,
    tokens_of,
)
from annotation.selectors.reports import report_counts, reports
from annotation.selectors.screens import ScreenUse, screen_uses

__all__ = [
    "JUDGEMENTS",
    "Lately",
    "OwnProgress",
    "Practice",
    "Progress",
    "RandomInstead",
    "ScreenUse",
    "annotators",
    "comparison_log",
    "comparisons_by_day",
    "criterion_asked",
    "criterion_named",
    "decisions_of",
    "duplicate_clusters",
    "examples_of",
    "flags_of",
    "has_introduction",
    "images_of",
    "invitations_of",
    "lately",
    "members_of",
    "needs_introduction",
    "open_assignments",
    "open_duplicates",
    "own_history",
    "own_progress",
    "paused_in",
    "possible_pairs",
    "practice_of",
    "progress",
    "prompts_of",
    "pseudonym",
    "random_instead",
    "report_counts",
    "reports",
    "screen_uses",
    "sides",
    "tokens_of",
]
