"""The layout of HPD v2: pairs with a preference to train on; to test on, ranks with each person's own."""

from collections.abc import Iterator

from django.utils.translation import gettext_noop

from rating.exports.format import WHOLE, Facts, Format, Row, Source
from rating.exports.options import IMAGES, PICTURE, PREFERENCE, TIES, replaced, without
from rating.exports.preferences import Preference, first_shown, placed_by


def record(source: Source, preference: Preference) -> Iterator[Row]:
    pair = [preference.judged.one, preference.judged.two]
    if not first_shown(source, preference):
        pair.reverse()
    shown = [source.pictures.shown(image, preference.split) for image in pair]
    prompt = pair[0].prompt
    if preference.split == WHOLE:
        liked = [int(image is preference.chosen) for image in pair]
        yield {"prompt": prompt, "file_path": shown, "human_preference": liked}
        return
    votes = [preference.vote] if preference.vote else preference.judged.votes
    yield {
        "prompt": prompt,
        "image_path": shown,
        "rank": [1 if image is preference.chosen else 2 for image in pair],
        "raw_annotations": [
            {
                "rank": _ranks(pair, preference.judged.one, vote.says),
                "user_hash": source.pseudonym(vote.annotator),
            }
            for vote in votes
        ],
    }


def _ranks(pair: list[Facts], one: Facts, says: int) -> list[int]:
    """What one person said: 1 for the better image, and for both in a tie."""
    if says == 0:
        return [1, 1]
    return [1 if (image is one) == (says > 0) else 2 for image in pair]


FORMAT = Format(
    key="hpdv2",
    title=gettext_noop("HPD v2"),
    help=gettext_noop(
        "The split “train” is a list of prompt, file_path and human_preference; any other has "
        "image_path, rank and raw_annotations."
    ),
    files=("zip", "json"),
    columns=(
        *("prompt", "file_path", "human_preference"),
        *("image_path", "rank", "raw_annotations"),
    ),
    placed=placed_by(record),
    options=(
        *without(replaced(PREFERENCE, TIES.only("drop", "both")), "labels"),
        IMAGES.only("paths", "names", "urls"),
        PICTURE,
    ),
    member="{split}.json",
    own_config=True,
    tells_criteria=False,
)
