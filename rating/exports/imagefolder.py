"""An ImageFolder of the `datasets` library: pictures, and a line of metadata a preference."""

from collections.abc import Iterator

from django.utils.translation import gettext_noop

from rating.exports.format import Format, Row, Source
from rating.exports.options import PICTURE, PREFERENCE, TIES, replaced, without
from rating.exports.preferences import Preference, placed_by


def record(source: Source, preference: Preference) -> Iterator[Row]:
    chosen, rejected = preference.chosen, preference.rejected
    yield {
        "chosen_file_name": source.pictures.path(chosen, preference.split),
        "rejected_file_name": source.pictures.path(rejected, preference.split),
        "prompt": chosen.prompt,
        "chosen_model": chosen.model,
        "rejected_model": rejected.model,
        "criterion": preference.judged.criterion.key,
        "margin": preference.margin,
        "weight": preference.weight,
    }


FORMAT = Format(
    key="imagefolder",
    title=gettext_noop("ImageFolder"),
    help=gettext_noop(
        "Pictures in folders, with a metadata.jsonl of prompt, chosen and rejected; "
        'load_dataset("imagefolder") shows both as images.'
    ),
    files=("zip",),
    columns=(
        *("chosen_file_name", "rejected_file_name", "prompt", "chosen_model", "rejected_model"),
        *("criterion", "margin", "weight"),
    ),
    placed=placed_by(record),
    options=(*without(replaced(PREFERENCE, TIES.only("drop", "both")), "labels"), PICTURE),
    member="{split}/metadata.jsonl",
    pattern="{split}/**",
    pictures="{split}/images/",
)
