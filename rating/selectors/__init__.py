"""The only door from the database to arrays (`log`), and the reads of what was stored (`runs`)."""

from rating.selectors.attention import Signals, signals_of
from rating.selectors.log import Group, Log, method_of, read_log
from rating.selectors.runs import (
    is_stale,
    latest_run,
    ratings_of,
    reliabilities_of,
    set_aside_in,
    stale_projects,
    unreviewed_projects,
)
from rating.selectors.screens import screens_of

__all__ = [
    "Group",
    "Log",
    "Signals",
    "is_stale",
    "latest_run",
    "method_of",
    "ratings_of",
    "read_log",
    "reliabilities_of",
    "screens_of",
    "set_aside_in",
    "signals_of",
    "stale_projects",
    "unreviewed_projects",
]
