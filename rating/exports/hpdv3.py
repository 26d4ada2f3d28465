"""The layout of HPD v3: the preferred image first, with how sure that is and how the votes fell."""

from collections.abc import Iterator

from django.utils.translation import gettext_noop

from rating.exports.format import Format, Row, Source
from rating.exports.options import IMAGES, PICTURE, PREFERENCE, TIES, replaced, without
from rating.exports.preferences import Preference, placed_by


def record(source: Source, preference: Preference) -> Iterator[Row]:
    chosen, rejected, judged = preference.chosen, preference.rejected, preference.judged
    votes = [judged.count(1), judged.count(-1)]
    p = preference.p
    if chosen is not judged.one:
        votes.reverse()
        p = None if p is None else round(1 - p, 6)
    yield {
        "prompt": chosen.prompt,
        "path1": source.pictures.shown(chosen, preference.split),
        "path2": source.pictures.shown(rejected, preference.split),
        "model1": chosen.model,
        "model2": rejected.model,
        "confidence": p,
        "choice_dist": votes,
    }


FORMAT = Format(
    key="hpdv3",
    title=gettext_noop("HPD v3"),
    help=gettext_noop(
        "A list of prompt, path1 (preferred), path2, model1, model2, confidence and choice_dist."
    ),
    files=("zip", "json"),
    columns=("prompt", "path1", "path2", "model1", "model2", "confidence", "choice_dist"),
    placed=placed_by(record),
    options=(
        *without(replaced(PREFERENCE, TIES.only("drop", "both")), "labels"),
        IMAGES.only("paths", "names", "urls"),
        PICTURE,
    ),
    member="{split}.json",
    tells_criteria=False,
)
