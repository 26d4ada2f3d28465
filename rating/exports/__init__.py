"""Exports: one module a format; this registry is where pages, API and docs find them."""

from rating.exports import comparisons, pairs, rankings
from rating.exports.format import Format

FORMATS: dict[str, Format] = {
    format.key: format for format in (rankings.FORMAT, comparisons.FORMAT, pairs.FORMAT)
}
