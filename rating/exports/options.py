"""The options of exports: what there is to choose, by what rule, and in what words a bad choice is refused.

API, pages, documents and tests all read them here.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, gettext_noop

from annotation.errors import Invalid

# What is asked of a format may also be which of its files; see `Format.files`.
FILE = "file"
SPLIT_NAME = re.compile(r"[a-z][a-z0-9_]{0,19}")
MOST_SPLITS = 5


@dataclass(frozen=True)
class Option:
    """One thing to choose. `read` takes what a person or a program sent, or raises Invalid."""

    name: str
    help: str
    default: Any

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")

    def read(self, value: Any) -> Any:
        raise NotImplementedError

    @property
    def schema(self) -> dict[str, Any]:
        raise NotImplementedError

    def refuse(self, what: str) -> Invalid:
        return Invalid(
            gettext("“%(name)s” must be %(what)s.") % {"name": self.name, "what": what}, "options"
        )


@dataclass(frozen=True)
class Choice(Option):
    choices: tuple[str, ...] = ()

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise self.refuse(gettext("one of: %(choices)s") % {"choices": ", ".join(self.choices)})
        return value

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.choices), "default": self.default}

    def only(self, *choices: str, help: str = "") -> "Choice":
        """The same option where a layout has no place for some of the choices; the first is the default."""
        return Choice(self.name, help or self.help, choices[0], choices)


@dataclass(frozen=True)
class Whole(Option):
    least: int = 0
    most: int = 2**31 - 1

    def read(self, value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value):
            value = int(value)
        if type(value) is not int or not self.least <= value <= self.most:
            raise self.refuse(
                gettext("a whole number from %(least)s to %(most)s")
                % {"least": self.least, "most": self.most}
            )
        return value

    @property
    def schema(self) -> dict[str, Any]:
        return {
            "type": "integer",
            "minimum": self.least,
            "maximum": self.most,
            "default": self.default,
        }


@dataclass(frozen=True)
class Fractions(Option):
    """Names with fractions that add up to 1: `train=0.9,test=0.1`, or the same as an object."""

    def read(self, value: Any) -> dict[str, float]:
        if isinstance(value, str):
            pairs = [part.partition("=") for part in value.split(",") if part.strip()]
            value = {name.strip(): _number(number) for name, _, number in pairs}
        if not isinstance(value, dict):
            raise self._refuse()
        if not value:
            return {}
        fractions = {name: _number(number) for name, number in value.items()}
        if (
            not 2 <= len(fractions) <= MOST_SPLITS
            or not all(isinstance(name, str) and SPLIT_NAME.fullmatch(name) for name in fractions)
            or not all(0 < fraction < 1 for fraction in fractions.values())
            or abs(sum(fractions.values()) - 1) > 1e-6
        ):
            raise self._refuse()
        return fractions

    def _refuse(self) -> Invalid:
        return self.refuse(
            gettext(
                "2 to %(most)s names with fractions that add up to 1, such as train=0.9,test=0.1"
            )
            % {"most": MOST_SPLITS}
        )

    @property
    def schema(self) -> dict[str, Any]:
        return {
            "type": ["string", "object"],
            "default": self.default,
            "examples": ["train=0.9,test=0.1", {"train": 0.8, "validation": 0.1, "test": 0.1}],
        }


@dataclass(frozen=True)
class CriterionKey(Option):
    """Which criterion; whether the project has it, `check_criterion` says (rating/exports/jobs.py)."""

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > 50 or "\0" in value:
            raise self.refuse(gettext("the key of a criterion"))
        return value

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": 50, "default": self.default}


def _number(value: Any) -> float:
    """Not a number where it is none: no rule lets that pass."""
    try:
        return float(value) if isinstance(value, (str, int, float)) else float("nan")
    except (ValueError, OverflowError):
        return float("nan")


# --- Those of preference data ------------------------------------------------------------------------

VOTES = Choice(
    "votes",
    gettext_noop(
        "each: a row a vote. majority: a row a pair, what most said of it. posterior: a row a pair, what the "
        "ratings say of it, which use all comparisons of both images."
    ),
    "each",
    ("each", "majority", "posterior"),
)
MINIMUM_VOTES = Whole(
    "minimum_votes",
    gettext_noop("Pairs with fewer judgements than this are left out."),
    1,
    least=1,
    most=1000,
)
TIES = Choice(
    "ties",
    gettext_noop(
        "drop: ties are left out. half: they get the label 0.5. both: they become two rows "
        "of half the weight, one in each direction."
    ),
    "drop",
    ("drop", "half", "both"),
)
BOTH_BAD = Choice(
    "both_bad",
    gettext_noop(
        "drop: “both bad” says nothing about which is better, and is left out. tie: it counts as a tie."
    ),
    "drop",
    ("drop", "tie"),
)
LINEUPS = Choice(
    "lineups",
    gettext_noop(
        "Of more than two images on a screen. implied: each pair that what was said of them implies is a "
        "judgement; those of one screen are not independent of one another. drop: they are left out."
    ),
    "implied",
    ("implied", "drop"),
)
LABELS = Choice(
    "labels",
    gettext_noop(
        "hard: 1 or 0. soft: the share of the votes (with majority) or the probability (with posterior)."
    ),
    "hard",
    ("hard", "soft"),
)
WEIGHTS = Choice(
    "weights",
    gettext_noop(
        "none: every vote counts alike. reliability: by how sharply its annotator sees in "
        "the named run; 1 is like most people, and those who probably do not look are left "
        "out."
    ),
    "none",
    ("none", "reliability"),
)
SPLIT = Fractions(
    "split",
    gettext_noop(
        "Several files by these fractions, such as train=0.9,test=0.1. All of one prompt, of one group of "
        "images, and of one cluster of duplicates goes into the same one. Needs an archive (file zip)."
    ),
    {},
)
SEED = Whole("seed", gettext_noop("Another seed, another split, and other sides."), 0)
IMAGES = Choice(
    "images",
    gettext_noop(
        "embedded: their bytes are in the file. paths: they lie beside it in the archive "
        "(file zip). urls: their addresses, which answer to members of the project. names: "
        "as they were imported."
    ),
    "embedded",
    ("embedded", "paths", "urls", "names"),
)
PICTURE = Choice(
    "picture",
    gettext_noop(
        "served: as people saw it, WebP without metadata, at most 1600 pixels. jpeg: the "
        "same as JPEG. original: the file as it came, with whatever metadata it has."
    ),
    "served",
    ("served", "jpeg", "original"),
)

CRITERION = CriterionKey(
    "criterion",
    gettext_noop(
        "The key of a criterion, for its comparisons alone. Required where the project has several and the "
        "layout cannot tell them apart; otherwise all of them, unless given."
    ),
    "",
)

PREFERENCE = (
    CRITERION,
    VOTES,
    MINIMUM_VOTES,
    TIES,
    BOTH_BAD,
    LINEUPS,
    LABELS,
    WEIGHTS,
    SPLIT,
    SEED,
)


def replaced(options: tuple[Option, ...], *others: Option) -> tuple[Option, ...]:
    """The options with others in the place of those of the same name."""
    by_name = {other.name: other for other in others}
    return tuple(by_name.get(option.name, option) for option in options)


def without(options: tuple[Option, ...], *names: str) -> tuple[Option, ...]:
    return tuple(option for option in options if option.name not in names)
