"""The real comparisons that benchmarks play with: NAME.csv.gz in the folder DATA, beside the project."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np

from rating.algorithms.results import Integers

DATA = Path(os.environ.get("DATA", "../shared/data"))


def load(name: str) -> tuple[int, Integers, Integers, Integers, Integers]:
    """Return (items, first, second, label, annotator) of the decided comparisons.

    An item is one of one context: the same name in another context is another item.
    """
    with gzip.open(DATA / f"{name}.csv.gz", "rt", newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["label"])]
    numbers: dict[tuple[str, str], int] = {}
    columns = [
        [numbers.setdefault((row["context"], row[side]), len(numbers)) for row in rows]
        for side in ("item_a", "item_b")
    ]
    columns += [[int(row[key]) for row in rows] for key in ("label", "annotator")]
    return len(numbers), *(np.array(column, dtype=np.int64) for column in columns)
