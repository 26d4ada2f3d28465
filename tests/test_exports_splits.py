"""Splits are drawn by what is in them, so they neither move nor leak; whatever the ids and the order."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.models import Outcome, Project, User
from annotation.names import prompt_key
from annotation.services.images import add_image
from annotation.services.projects import create_project
from rating.exports.format import Facts
from rating.exports.splits import Splits
from tests.conftest import picture
from tests.exporting import export, on_disk, vote

HALVES = {"train": 0.5, "test": 0.5}
# Five ways to write one prompt, and other prompts.
WRITTEN = ["A red fox", "a  red\nfox ", "a red\u200b fox", "a re\uff44 fox", "a RED fox"]
PROMPTS = [*WRITTEN, "a cat", "A CAT", "a dog", "\ufb01ne", "fine", "a wolf", ""]


def facts(content: int, prompt: str = "", group: str = "") -> Facts:
    """An image with an id that is never the same again."""
    id = uuid4()
    sha256 = hashlib.sha256(str(content).encode()).hexdigest()
    return Facts(
        str(id), id, "x", uuid4() if prompt else None, prompt, "", group, None, sha256, False
    )


def test_a_prompt_that_reads_the_same_is_the_same() -> None:
    assert {prompt_key(text) for text in WRITTEN} == {"a red fox"}
    assert prompt_key("\ufb01ne") == prompt_key("fine")
    assert prompt_key("a red fox.") != prompt_key("a red fox"), "a reader sees the point"


def test_the_same_prompt_is_in_the_same_split_whatever_else_there_is() -> None:
    """Other ids, other images, other order: as in a later round, or on another server."""
    seen = set()
    for seed in range(20):
        alone = [facts(1, "A red fox")]
        others = [facts(n, f"prompt {n}") for n in range(100, 140)]
        many = [*others, facts(2, "a  red fox"), facts(3, "a red fox")]
        where = Splits(HALVES, seed, alone, {}).of(alone[0])
        there = Splits(HALVES, seed, many, {})
        assert {there.of(one) for one in many[-2:]} == {where}
        seen.add(where)
    assert seen == {"train", "test"}


def test_without_a_prompt_the_bytes_decide() -> None:
    for seed in range(20):
        one, other = facts(1), facts(1)
        assert Splits(HALVES, seed, [one], {}).of(one) == Splits(
            HALVES, seed, [facts(5), other], {}
        ).of(other)


def test_a_twin_without_a_prompt_does_not_move_the_prompt_that_it_joins() -> None:
    for seed in range(20):
        fox = facts(1, "a red fox")
        where = Splits(HALVES, seed, [fox], {}).of(fox)
        twins = [facts(number) for number in range(2, 30)]
        together = {image.id: 0 for image in (fox, *twins)}
        assert Splits(HALVES, seed, [fox, *twins], together).of(fox) == where


def test_large_families_are_drawn_as_evenly_as_small_ones() -> None:
    images, clusters = [], {}
    for family in range(1000):
        some = [facts(10 * family + n, f"prompt {family} {n}") for n in range(5)]
        clusters.update({image.id: family for image in some})
        images += some
    splits = Splits({"train": 0.8, "test": 0.2}, 3, images, clusters)
    share = sum(splits.of(image) == "train" for image in images) / len(images)
    assert 0.75 < share < 0.85


IMAGES = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from(PROMPTS),
        st.sampled_from(["", "", "", "scene", "other scene"]),
        st.sampled_from([None, None, None, 0, 1]),
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(images=IMAGES, seed=st.integers(0, 5), chance=st.randoms(use_true_random=False))
def test_nothing_leaks_and_nothing_depends_on_ids_or_order(
    images: list[Any], seed: int, chance: Random
) -> None:
    fractions = {"train": 0.5, "validation": 0.25, "test": 0.25}
    made = [facts(content, prompt, group) for content, prompt, group, _ in images]
    clusters = {one.id: row[3] for one, row in zip(made, images, strict=True) if row[3] is not None}
    splits = Splits(fractions, seed, made, clusters)
    for kind in (
        lambda one: prompt_key(one.prompt) or None,
        lambda one: one.group or None,
        lambda one: one.sha256,
        lambda one: clusters.get(one.id),
    ):
        homes: dict[Any, set[str]] = {}
        for one in made:
            if kind(one) is not None:
                homes.setdefault(kind(one), set()).add(splits.of(one))
        assert all(len(found) == 1 for found in homes.values())

    again = [replace(one, id=(id := uuid4()), key=str(id)) for one in made]
    clusters = {
        one.id: row[3] for one, row in zip(again, images, strict=True) if row[3] is not None
    }
    shuffled = chance.sample(again, len(again))
    elsewhere = Splits(fractions, seed, shuffled, clusters)
    assert [elsewhere.of(one) for one in again] == [splits.of(one) for one in made]


@pytest.mark.django_db
def test_two_projects_with_other_ids_and_another_order_have_the_same_splits(
    alice: User, bob: User, tmp_path: Path
) -> None:
    def exported(name: str, numbers: list[int], how: str) -> dict[str, set[str]]:
        project = create_project(alice, name=name, state=Project.State.OPEN)
        for number in numbers:
            prompt = how.format(number)
            left, right = (
                add_image(project, picture(2 * number + n), name=f"{number}-{n}.png", prompt=prompt)
                for n in range(2)
            )
            vote(project, alice, left, right, Outcome.LEFT)
        made = export(
            project, alice, "hpdv3", criterion="", split="train=0.5,test=0.5", images="names"
        )
        folder = on_disk(made, tmp_path / name)
        return {
            path.stem: {prompt_key(row["prompt"]) for row in json.loads(path.read_text())}
            for path in folder.glob("*.json")
        }

    first = exported("first", list(range(16)), "a cat {}")
    second = exported("second", list(range(15, -1, -1)), "A  Cat {}")
    assert first == second
    assert set(first) == {"train", "test"}
    later = exported("later", list(range(24)), "a cat {}")
    for split, prompts in first.items():
        assert prompts <= later[split], "a further round moves none"
