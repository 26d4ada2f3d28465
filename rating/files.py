"""Rates a file of comparisons: lines in, ratings of items and of annotators out. No Django, no database."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rating.algorithms.graph import components
from rating.algorithms.methods import METHODS, Method
from rating.algorithms.ranks import rank_groups
from rating.algorithms.results import Integers, NotConverged, Ratings
from rating.tables import NOBODY, BadFile, Table

RATING_COLUMNS = (
    "context",
    "item",
    "rank",
    "rank_low",
    "rank_high",
    "mu",
    "sigma",
    "score",
    "comparisons",
)
ANNOTATOR_COLUMNS = (
    "annotator",
    "comparisons",
    "sharpness",
    "sharpness_low",
    "sharpness_high",
    "side_bias",
)


@dataclass(frozen=True)
class Rated:
    """A table with its ratings. rank, rank_low, rank_high: shape (n,), within the item's context."""

    table: Table
    ratings: Ratings
    rank: Integers
    rank_low: Integers
    rank_high: Integers


def choose_method(table: Table, key: str | None = None) -> Method:
    """The method named, or the one that makes the most of what the file says.

    Raises BadFile where the method needs to know who compared and the file has no such column.
    """
    if key is None:
        key = "trueskill_annotators" if table.people else "trueskill"
    method = METHODS[key]
    if method.needs_annotator and table.annotator is None:
        raise BadFile(f"{key} needs to know who compared; the file has no column annotator")
    return method


def rate_table(table: Table, method: Method) -> Rated:
    """Rate all contexts in one call, so that what is known of a person counts everywhere, and rank in each.

    Comparisons whose annotator is unknown are taken as those of one more person.
    Raises BadFile where the method cannot rate so much, or comes to no result.
    """
    n = len(table.items)
    try:
        ratings = method.rate(n, table.first, table.second, table.label, table.annotator)
    except (ValueError, NotConverged) as error:
        raise BadFile(f"{method.key} cannot rate the file: {error}") from None
    ends = np.searchsorted(table.context, np.arange(1, len(table.contexts)))
    ranks = rank_groups(ratings, np.split(np.arange(n), ends)) if n else []
    rank, low, high = (
        np.array([value for each in ranks for value in getattr(each, name).tolist()], np.int64)
        for name in ("rank", "rank_low", "rank_high")
    )
    return Rated(table, ratings, rank, low, high)


def unconnected_contexts(table: Table) -> dict[str, int]:
    """How many groups, never compared with each other, there are in each context that has more than one."""
    group = components(len(table.items), table.first, table.second)
    _, one_of_each = np.unique(group, return_index=True)
    groups = np.bincount(table.context[one_of_each], minlength=len(table.contexts))
    return {
        context: count
        for context, count in zip(table.contexts, groups.tolist(), strict=True)
        if count > 1
    }


# --- Writing -----------------------------------------------------------------------------------------


def rating_lines(rated: Rated) -> Iterator[str]:
    """The lines of RATING_COLUMNS, by context, rank and item."""
    table, ratings = rated.table, rated.ratings
    compared = np.bincount(np.append(table.first, table.second), minlength=len(table.items))
    columns = (
        rated.rank,
        rated.rank_low,
        rated.rank_high,
        ratings.mu,
        ratings.sigma,
        ratings.mu - 3 * ratings.sigma,
        compared,
    )
    yield _line(RATING_COLUMNS)
    # Within a context no two items have one rank.
    order = np.lexsort((rated.rank, table.context))
    values = zip(*(column[order].tolist() for column in columns), strict=True)
    for item, row in zip(order.tolist(), values, strict=True):
        yield _line((table.contexts[table.context[item]], table.items[item], *row))


def annotator_lines(rated: Rated) -> Iterator[str]:
    """The lines of ANNOTATOR_COLUMNS: those whom the file names, in their order."""
    yield _line(ANNOTATOR_COLUMNS)
    known = rated.ratings.annotators
    if known is None:
        return
    columns = (
        known.annotator,
        known.comparisons,
        known.sharpness,
        known.sharpness_low,
        known.sharpness_high,
        known.side_bias,
    )
    for person, *row in zip(*(column.tolist() for column in columns), strict=True):
        if person != NOBODY:
            yield _line((rated.table.people[person], *row))


def _line(cells: Iterable[str | int | float]) -> str:
    """One line of CSV; numbers in as many digits as bring them back exactly."""
    return ",".join(_cell(cell) for cell in cells) + "\n"


def _cell(cell: str | int | float) -> str:
    """Python's csv module would leave a carriage return unquoted, and cut the line there for its readers."""
    if not isinstance(cell, str):
        return repr(cell)
    if any(mark in cell for mark in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def write_files(contents: dict[Path, Iterator[str]]) -> None:
    """Write all files whole, or none: each beside its place first. Raises OSError."""
    drafts = {path: path.with_name(f".draft-{os.getpid()}-{path.name}") for path in contents}
    try:
        for path, lines in contents.items():
            with drafts[path].open("w", encoding="utf-8", newline="") as file:
                file.writelines(lines)
        for path, draft in drafts.items():
            os.replace(draft, path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
