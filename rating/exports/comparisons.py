from collections.abc import Iterator

from annotation.exports import COMPARISON_COLUMNS, comparison_rows
from rating.exports.format import Format, Row, Source


def rows(source: Source) -> Iterator[Row]:
    return comparison_rows(source.project)


FORMAT = Format(
    key="comparisons",
    title="Raw comparisons",
    help="The whole log: a row a comparison, retracted ones too, with nothing merged.",
    files=("csv",),
    columns=COMPARISON_COLUMNS,
    rows=rows,
)
