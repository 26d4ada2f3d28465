"""A WebDataset: in a tar, two pictures and a JSON file a preference, under one key."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings
from django.utils.translation import gettext_noop

from rating.exports.archives import Tar, Zip
from rating.exports.card import card
from rating.exports.format import SCHEMA_VERSION, WHOLE, Format, Placed, Row, Source
from rating.exports.options import PICTURE, PREFERENCE
from rating.exports.preferences import Preference, placed_by

COLUMNS = (
    *("prompt", "label_0", "label_1", "model_0", "model_1", "criterion", "p_image0", "weight"),
)
MEMBER = "data/{split}-000000.tar"


def record(source: Source, preference: Preference) -> Iterator[Row]:
    judged = preference.judged
    facts = {
        "prompt": judged.one.prompt,
        "label_0": preference.label,
        "label_1": round(1 - preference.label, 6),
        "model_0": judged.one.model,
        "model_1": judged.two.model,
        "criterion": judged.criterion.key,
        "p_image0": preference.p,
        "weight": preference.weight,
        "schema_version": SCHEMA_VERSION,
    }
    pictures = [source.pictures.content(image) for image in (judged.one, judged.two)]
    yield {"facts": facts, "pictures": pictures}


def write(file: str, source: Source, stream: BinaryIO) -> Iterator[int]:
    """One tar; or an archive of one for each split and the card, which has no place in a tar."""
    rows = enumerate(placed_by(record)(source), start=1)
    if file == "tar":
        with closing(Tar(stream)) as tar:
            for written, placed in rows:
                _add(tar, written, placed, source)
                yield written
        return
    with (
        closing(Zip(stream)) as archive,
        tempfile.TemporaryDirectory(prefix=".draft-", dir=settings.EXPORT_DIR) as name,
    ):
        folder = Path(name)
        with ExitStack() as files:
            tars = {
                split: files.enter_context(closing(Tar(_file(files, folder / split))))
                for split in source.options["split"] or {WHOLE: 1.0}
            }
            for written, placed in rows:
                _add(tars[placed[0]], written, placed, source)
                yield written
        with_rows = [split for split in tars if source.counts[split]]
        paths = {split: MEMBER.format(split=split) for split in with_rows}
        for split, path in paths.items():
            archive.add_file(path, folder / split)
        archive.add("README.md", card(FORMAT, "zip", source, paths).encode())


def _file(files: ExitStack, path: Path) -> BinaryIO:
    return cast(BinaryIO, files.enter_context(path.open("wb")))


def _add(tar: Tar, number: int, placed: Placed, source: Source) -> None:
    split, row = placed
    key = f"{number - 1:09d}"
    for at, (content, suffix) in enumerate(row["pictures"]):
        tar.add(f"{key}.{at}{suffix}", content)
    tar.add(f"{key}.json", json.dumps(row["facts"], ensure_ascii=False).encode())
    source.counts[split] += 1


FORMAT = Format(
    key="webdataset",
    title=gettext_noop("WebDataset"),
    help=gettext_noop(
        "A tar of KEY.0.jpg, KEY.1.jpg and KEY.json, which is read as a stream; as zip, a tar a split."
    ),
    files=("tar", "zip"),
    columns=COLUMNS,
    write=write,
    options=(*PREFERENCE, PICTURE.only("jpeg", "served", "original")),
    member=MEMBER,
)
