"""How large benchmarks are: QUICK=1 makes smaller tables, SMOKE=1 the smallest, to see that they run.

What SMOKE prints means nothing; a test runs each benchmark so, lest one stops working unseen.
"""

import os
from typing import TypeVar

SMOKE = os.environ.get("SMOKE") == "1"
QUICK = SMOKE or os.environ.get("QUICK") == "1"
T = TypeVar("T")


def sized(full: T, quick: T, smoke: T) -> T:
    return smoke if SMOKE else quick if QUICK else full
