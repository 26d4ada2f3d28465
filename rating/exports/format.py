"""What an export format is, and what it is made from."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO, Literal
from uuid import UUID

import pyarrow as pa
from django.db import connection
from django.utils.translation import gettext as _

from annotation.errors import Invalid
from annotation.models import Criterion, Image, Project
from annotation.selectors import pseudonym
from rating.exports.options import FILE, Choice, Option
from rating.exports.pictures import Pictures
from rating.models import RatingRun
from rating.selectors import reliabilities_of, set_aside_in

SCHEMA_VERSION = 1
# What consists of several files, and carries its data card.
ARCHIVES = ("zip",)
WHOLE = "train"


@dataclass(frozen=True, slots=True)
class Facts:
    """What exports tell of an image; `key` is its id as the database writes it."""

    key: str
    id: UUID
    name: str
    prompt_id: UUID | None
    prompt: str
    model: str
    group: str
    gold: float | None
    sha256: str
    excluded: bool


@dataclass
class Source:
    """What an export is made from, and what it leaves out on the way: a count for each reason."""

    project: Project
    run: RatingRun
    options: dict[str, Any]
    image_url: Callable[[UUID], str]
    left_out: Counter[str] = field(default_factory=Counter)
    # Comparisons read so far, and those of them that count in a row.
    read: int = 0
    used: int = 0
    # Judgements in rows that lineups imply, and the rows that rest on them.
    from_lineups: int = 0
    rows_from_lineups: int = 0
    # Rows of each file of an archive.
    counts: Counter[str] = field(default_factory=Counter)

    @cached_property
    def criteria(self) -> dict[str, Criterion]:
        return {key_of(criterion.id): criterion for criterion in self.project.criteria.all()}

    @cached_property
    def images(self) -> dict[str, Facts]:
        """All of the project, by their key; what grows with the images may be held, the log may not."""
        fields = ("name", "prompt_id", "prompt__text", "model", "group", "gold", "sha256")
        rows = Image.objects.filter(project=self.project).order_by("id")
        return {
            key_of(id): Facts(
                key_of(id), id, name, prompt_id, prompt or "", model, group, gold, sha256, excluded
            )
            for id, name, prompt_id, prompt, model, group, gold, sha256, excluded in rows.values_list(
                "id", *fields, "excluded"
            ).iterator(chunk_size=5000)
        }

    @cached_property
    def pictures(self) -> Pictures:
        return Pictures(self.options, self.image_url)

    @cached_property
    def set_aside(self) -> set[str]:
        return {key_of(id) for id in set_aside_in(self.project.id)}

    @cached_property
    def sharpness(self) -> dict[str, float]:
        """How sharply each annotator sees, by their key; those of whom the run knows."""
        return {key_of(id): known.sharpness for id, known in reliabilities_of(self.run).items()}

    @cached_property
    def weights(self) -> dict[str, float]:
        """What a vote of each annotator weighs: nothing if they probably do not look; like most, 1."""
        return {key_of(id): known.weight for id, known in reliabilities_of(self.run).items()}

    def pseudonym(self, key: str) -> str:
        known = self._pseudonyms.get(key)
        if known is None:
            known = self._pseudonyms[key] = pseudonym(self.project, UUID(key))
        return known

    @cached_property
    def _pseudonyms(self) -> dict[str, str]:
        return {}


def key_of(id: UUID) -> str:
    """An id as a query casts it to text, which is quicker to compare than an object."""
    return str(id) if connection.vendor == "postgresql" else id.hex


Row = dict[str, Any]
Placed = tuple[str, Row]


@dataclass(frozen=True)
class Format:
    """One format, streamed in an order that depends on the log and the run alone.

    rows: a row after another. placed: the same with the split that each belongs to. batches: the same as
    Arrow tables, for what must be quick. One of the three is given. `schema` (of the columns, by the options)
    is needed for Parquet. `member` is what the table of a split is called in an archive, and its type;
    `pattern` matches what belongs to a split there, unless the table alone does; with `own_config` the
    splits have different columns, and are loaded one by one. `pictures` is the folder of the pictures.
    `write` does all of it, for what is no table. `check` refuses options that do not go together.
    """

    key: str
    title: str
    help: str
    files: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Callable[[Source], Iterator[Row]] | None = None
    placed: Callable[[Source], Iterator[Placed]] | None = None
    batches: Callable[[Source], Iterator[pa.RecordBatch]] | None = None
    schema: Callable[[dict[str, Any]], pa.Schema] | None = None
    options: tuple[Option, ...] = ()
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    member: str = "data/{split}-00000-of-00001.parquet"
    pattern: str = ""
    own_config: bool = False
    pictures: str = "images/"
    write: Callable[[str, Source, BinaryIO], Iterator[int]] | None = None
    check: Callable[[str, dict[str, Any]], None] | None = None
    # How a reader of a row knows its criterion: by a column (True), by its question, or not at all.
    tells_criteria: bool | Literal["question"] = True
    # Whether each row says its schema version; files of a foreign layout need not have it.
    versioned: bool = True

    @property
    def prefers(self) -> bool:
        return any(option.name == "votes" for option in self.options)

    @property
    def takes_criterion(self) -> bool:
        return any(option.name == "criterion" for option in self.options)

    def pattern_of(self, split: str) -> str:
        return (self.pattern or self.member).format(split=split)

    @cached_property
    def all_options(self) -> tuple[Option, ...]:
        """Those given in full, and those given as plain choices, of which the first is the default."""
        plain = [Choice(name, "", values[0], values) for name, values in self.choices.items()]
        return (*self.options, *plain)

    @cached_property
    def json_schema(self) -> dict[str, Any]:
        """What may be asked of this format, as the API's documents show it."""
        file = {"type": "string", "enum": list(self.files), "default": self.files[0]}
        options = {
            option.name: {**option.schema, "description": option.help}
            for option in self.all_options
        }
        return {
            "type": "object",
            "title": self.title,
            "description": self.help,
            "properties": {FILE: {**file, "description": "The file's type."}, **options},
            "additionalProperties": False,
        }

    def read_options(self, wanted: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The file's type and the options as they are kept; Invalid says which is wrong, and why."""
        wanted = dict(wanted)
        file = wanted.pop(FILE, self.files[0])
        if file not in self.files:
            raise Invalid(
                _("%(title)s come as %(files)s, not as “%(file)s”.")
                % {"title": self.title, "files": " or ".join(self.files), "file": file},
                "options",
            )
        known = {option.name: option for option in self.all_options}
        for name in wanted:
            if name not in known:
                names = ", ".join([FILE, *known])
                raise Invalid(
                    _("“%(name)s” is no option of %(key)s. Its options: %(names)s.")
                    % {"name": name, "key": self.key, "names": names},
                    "options",
                )
        options = {name: known[name].read(value) for name, value in wanted.items()}
        self._check_together(file, self.with_defaults(options))
        return file, options

    def with_defaults(self, options: dict[str, Any]) -> dict[str, Any]:
        return {option.name: option.default for option in self.all_options} | options

    def _check_together(self, file: str, options: dict[str, Any]) -> None:
        if options.get("split") and file not in ARCHIVES:
            raise Invalid(_("A “split” is several files: it needs “file” to be zip."), "options")
        if options.get("images") == "paths" and file not in ARCHIVES:
            raise Invalid(
                _(
                    "With “images” as paths the pictures lie beside the data: it needs “file” to "
                    "be zip."
                ),
                "options",
            )
        if options.get("images") == "embedded" and file not in ("parquet", *ARCHIVES):
            raise Invalid(
                _(
                    "A %(file)s file cannot hold pictures: choose “file” parquet or zip, or "
                    "“images” as urls or names."
                )
                % {"file": file},
                "options",
            )
        if options.get("labels") == "soft" and options.get("votes") == "each":
            raise Invalid(
                _(
                    "A single vote has no soft label: “labels” soft needs “votes” majority or "
                    "posterior."
                ),
                "options",
            )
        if self.check:
            self.check(file, options)

    def check_criterion(self, criteria: list[Criterion], key: str) -> None:
        """Refuse a criterion that the project does not have, and rows that would mix several unseen."""
        known = ", ".join(criterion.key for criterion in criteria)
        if key and key not in {criterion.key for criterion in criteria}:
            raise Invalid(
                _("The project has no criterion “%(key)s”. It has: %(known)s.")
                % {"key": key, "known": known},
                "options",
            )
        told_apart = len(criteria)
        if self.tells_criteria == "question":
            told_apart = len({criterion.question for criterion in criteria})
        elif not self.tells_criteria:
            told_apart = 1
        if not key and told_apart < len(criteria):
            raise Invalid(
                _(
                    "This project has several criteria, and %(title)s cannot tell them apart. Choose one "
                    "as “criterion”: %(known)s."
                )
                % {"title": self.title, "known": known},
                "options",
            )

    def placed_rows(self, source: Source) -> Iterator[Placed]:
        if self.placed:
            return self.placed(source)
        assert self.rows
        return ((WHOLE, row) for row in self.rows(source))

    def columns_of(self, options: dict[str, Any]) -> tuple[str, ...]:
        return tuple(self.schema(options).names) if self.schema else self.columns
