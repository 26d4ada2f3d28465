"""Reads that end in plain values; no query leaves here unfinished but the lists that pages cut."""

from annotation.selectors.duplicates import duplicate_clusters, open_duplicates
from annotation.selectors.flags import decisions_of, flags_of, paused_in
from annotation.selectors.images import images_of, prompts_of
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
from annotation.selectors.screens import ScreenUse, screen_uses

__all__ = [
    "JUDGEMENTS",
    "Lately",
    "OwnProgress",
    "Progress",
    "ScreenUse",
    "annotators",
    "comparison_log",
    "comparisons_by_day",
    "criterion_asked",
    "criterion_named",
    "decisions_of",
    "duplicate_clusters",
    "flags_of",
    "images_of",
    "invitations_of",
    "lately",
    "members_of",
    "open_assignments",
    "open_duplicates",
    "own_history",
    "own_progress",
    "paused_in",
    "possible_pairs",
    "progress",
    "prompts_of",
    "pseudonym",
    "screen_uses",
    "tokens_of",
]
