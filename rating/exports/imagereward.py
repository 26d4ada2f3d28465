"""The layout of ImageReward: the images of a prompt with their ranks, smaller being better."""

from collections.abc import Iterator
from itertools import groupby

from django.utils.translation import gettext_noop

from annotation.errors import Gone
from rating.exports.format import Facts, Format, Placed, Row, Source, key_of
from rating.exports.options import IMAGES, PICTURE, PREFERENCE, TIES, VOTES, replaced, without
from rating.exports.orders import Orders
from rating.exports.pictures import FILE_GONE
from rating.exports.preferences import Preference, placed_by, preferences, used


def placed(source: Source) -> Iterator[Placed]:
    whole = source.options["votes"] == "posterior"
    return _prompts(source) if whole else placed_by(record)(source)


def record(source: Source, preference: Preference) -> Iterator[Row]:
    """Two images a record: the layout's readers take equal ranks for nothing to learn."""
    ranked = [(preference.chosen, 1), (preference.rejected, 1 if preference.label == 0.5 else 2)]
    yield _row(source, preference.name, ranked, preference.split)


def _prompts(source: Source) -> Iterator[Placed]:
    """All images of a prompt that were compared, ranked by the run; equal ones share a rank."""
    orders = Orders(source.run)
    by_prompt = groupby(
        preferences(source),
        key=lambda one: (one.judged.criterion.key, one.judged.one.prompt_id, one.split),
    )
    for (criterion, prompt_id, split), group in by_prompt:
        of_prompt: list[Preference] = []
        images: dict[str, Facts] = {}
        for preference in group:
            of_prompt.append(preference)
            images |= {image.key: image for image in (preference.chosen, preference.rejected)}
            key = key_of(preference.judged.criterion.id)
        mu = {id: orders.mu(key, image) or 0.0 for id, image in images.items()}
        best_first = sorted(images.values(), key=lambda image: (-mu[image.key], image.key))
        ranks: dict[float, int] = {}
        for rank, image in enumerate(best_first, start=1):
            ranks.setdefault(mu[image.key], rank)
        ranked = [(image, ranks[mu[image.key]]) for image in best_first]
        try:
            row = _row(source, f"{criterion}:{prompt_id}", ranked, split)
        except Gone:
            source.left_out[FILE_GONE] += sum(preference.votes for preference in of_prompt)
            continue
        for preference in of_prompt:
            used(source, preference)
        yield split, row


def _row(source: Source, id: str, ranked: list[tuple[Facts, int]], split: str) -> Row:
    return {
        "id": id,
        "prompt": ranked[0][0].prompt,
        "generations": [source.pictures.shown(image, split) for image, _ in ranked],
        "ranking": [rank for _, rank in ranked],
    }


FORMAT = Format(
    key="imagereward",
    title=gettext_noop("ImageReward"),
    help=gettext_noop(
        "A list of prompts with their generations and their ranking, smaller being better."
    ),
    files=("zip", "json"),
    columns=("id", "prompt", "generations", "ranking"),
    placed=placed,
    options=(
        *without(
            replaced(
                PREFERENCE,
                VOTES.only(
                    "posterior",
                    "each",
                    "majority",
                    help=gettext_noop(
                        "posterior: a record a prompt, all its compared images ranked by the run. each: "
                        "a record of two images a vote. majority: one a pair."
                    ),
                ),
                TIES.only(
                    "drop",
                    "half",
                    help=gettext_noop("drop: ties are left out. half: both get the same rank."),
                ),
            ),
            "labels",
        ),
        IMAGES.only("paths", "names", "urls"),
        PICTURE,
    ),
    member="{split}.json",
    tells_criteria=False,
)
