from collections.abc import Iterator

from rating.exports.format import Format, Row, Source
from rating.selectors import ratings_of


def rows(source: Source) -> Iterator[Row]:
    for criterion in source.project.criteria.all():
        for rating in ratings_of(source.run, criterion).iterator(chunk_size=2000):
            image = rating.image
            yield {
                "criterion": criterion.key,
                "prompt": image.prompt.text if image.prompt else "",
                "rank": rating.rank,
                "rank_low": rating.rank_low,
                "rank_high": rating.rank_high,
                "image": image.id,
                "name": image.name,
                "model": image.model,
                "mu": rating.mu,
                "sigma": rating.sigma,
                "score": rating.score,
                "comparisons": rating.comparisons,
                "wins": rating.wins,
                "losses": rating.losses,
                "ties": rating.ties,
                "run": source.run.id,
                "method": source.run.method,
                "fingerprint": source.run.fingerprint,
            }


FORMAT = Format(
    key="rankings",
    title="Rankings",
    help="A row an image: its rank, mu, sigma and counts in the latest run.",
    files=("csv",),
    columns=(
        "criterion",
        "prompt",
        "rank",
        "rank_low",
        "rank_high",
        "image",
        "name",
        "model",
        "mu",
        "sigma",
        "score",
        "comparisons",
        "wins",
        "losses",
        "ties",
        "run",
        "method",
        "fingerprint",
    ),
    rows=rows,
)
