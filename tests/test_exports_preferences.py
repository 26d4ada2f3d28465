"""What counts as a preference: votes, ties, weights, splits; and the card that says what was left out."""

import json
from collections.abc import Callable
from itertools import count, pairwise
from typing import Any

import pytest

from annotation.errors import Invalid
from annotation.models import Image, Outcome, Project, User
from annotation.services.comparisons import retract_comparison
from rating.algorithms.attention import FEWEST
from rating.exports import FORMATS
from rating.exports.format import WHOLE, Facts
from rating.exports.jobs import path_of, request_export
from rating.exports.splits import Splits
from rating.models import AnnotatorReliability, Export
from rating.posteriors import kept
from rating.services import recompute, set_aside
from tests.exporting import export, on_disk, vote, votes

pytestmark = pytest.mark.django_db
LEFT, RIGHT, TIE, BOTH_BAD, SKIP, _ = Outcome


@pytest.fixture
def cats(add_images: Callable[..., list[Image]]) -> list[Image]:
    return add_images(4, prompt="a cat")


@pytest.fixture
def people(alice: User, bob: User, carol: User, rita: User) -> list[User]:
    return [alice, bob, carol, rita]


def pairs(project: Project, user: User, **options: Any) -> tuple[list[dict[str, Any]], Export]:
    made = export(project, user, "pairs", **options)
    return [json.loads(line) for line in path_of(made).read_text().splitlines()], made


def winner(row: dict[str, Any]) -> str:
    return row["path_1"] if row["label"] > 0.5 else row["path_2"]


def test_a_majority_merges_the_votes_of_a_pair_whichever_side_they_were_on(
    project: Project, cats: list[Image], people: list[User], alice: User
) -> None:
    a, b, c, _ = cats
    vote(project, people[0], a, b, LEFT)
    vote(project, people[1], b, a, RIGHT)
    vote(project, people[2], a, b, RIGHT)
    vote(project, people[0], b, c, RIGHT)
    rows, _ = pairs(project, alice, votes="majority")
    assert {winner(row) for row in rows} == {a.name, c.name}
    of_three = next(row for row in rows if {row["path_1"], row["path_2"]} == {a.name, b.name})
    assert {of_three["votes_1"], of_three["votes_2"]} == {1, 2}
    assert of_three["agreement"] == pytest.approx(2 / 3, abs=1e-6)


def test_a_pair_on_which_people_are_divided_has_no_majority(
    project: Project, cats: list[Image], people: list[User], alice: User
) -> None:
    votes(project, people, cats[0], cats[1], LEFT, RIGHT)
    rows, made = pairs(project, alice, votes="majority")
    assert (rows, made.left_out) == ([], {"no majority": 2})
    (half,), _ = pairs(project, alice, votes="majority", ties="half")
    assert half["label"] == 0.5
    both, _ = pairs(project, alice, votes="majority", ties="both")
    assert sorted((row["label"], row["weight"]) for row in both) == [(0.0, 0.5), (1.0, 0.5)]


def test_soft_labels_are_shares_of_the_votes_in_which_a_tie_is_half_a_vote(
    project: Project, cats: list[Image], people: list[User], alice: User
) -> None:
    votes(project, people, cats[0], cats[1], LEFT, LEFT, TIE, RIGHT)
    options = {"votes": "majority", "labels": "soft"}
    (row,), _ = pairs(project, alice, ties="half", **options)
    assert {row["label"], round(1 - row["label"], 6)} == {0.625, 0.375}
    (dropped,), made = pairs(project, alice, **options)
    assert max(dropped["label"], 1 - dropped["label"]) == pytest.approx(2 / 3, abs=1e-6)
    assert made.left_out == {"tie": 1}


def test_a_tie_is_left_out_or_both_directions_when_each_vote_is_a_row(
    project: Project, cats: list[Image], people: list[User], alice: User
) -> None:
    votes(project, people, cats[0], cats[1], TIE)
    assert pairs(project, alice)[1].left_out == {"tie": 1}
    both, made = pairs(project, alice, ties="both")
    assert {(row["chosen"], row["rejected"]) for row in both} == {
        (cats[0].name, cats[1].name),
        (cats[1].name, cats[0].name),
    }
    assert {row["weight"] for row in both} == {0.5}
    assert made.left_out == {}


def test_both_bad_is_no_tie_unless_asked_for(
    project: Project, cats: list[Image], people: list[User], alice: User
) -> None:
    votes(project, people, cats[0], cats[1], LEFT, BOTH_BAD, BOTH_BAD)
    (row,), made = pairs(project, alice, votes="majority")
    assert (row["both_bad"], row["ties"], row["agreement"]) == (2, 0, 1.0)
    assert made.left_out == {"both_bad": 2}
    (row,), made = pairs(project, alice, votes="majority", both_bad="tie", ties="half")
    assert (row["ties"], made.left_out) == (2, {})


def test_pairs_with_too_few_votes_are_left_out(
    project: Project, cats: list[Image], people: list[User], alice: User
) -> None:
    votes(project, people, cats[0], cats[1], LEFT, LEFT)
    votes(project, people, cats[1], cats[2], LEFT)
    rows, made = pairs(project, alice, minimum_votes=2)
    assert (len(rows), made.left_out) == (2, {"too few votes of its pair": 1})


def test_the_posterior_is_the_one_that_the_probabilities_of_the_project_come_from(
    project: Project, cats: list[Image], people: list[User], alice: User
) -> None:
    a, b, c, d = cats
    votes(project, people, a, b, LEFT, LEFT, RIGHT)
    votes(project, people, b, c, LEFT, TIE)
    votes(project, people, c, d, RIGHT, LEFT, LEFT)
    rows, made = pairs(project, alice, votes="posterior", labels="soft")
    assert made.run
    criterion = project.criteria.get().id
    for row in rows:
        ids = {str(image.id): image.id for image in cats}
        exact = kept(made.run).better(criterion, ids[row["image_1"]], ids[row["image_2"]])
        assert row["p_image1"] == pytest.approx(exact, abs=1e-4)
        assert row["label"] == row["p_image1"]
    assert len(rows) == 3


def test_reliability_weighs_votes_and_leaves_out_who_does_not_look(
    project: Project, cats: list[Image], people: list[User], alice: User
) -> None:
    votes(project, people, cats[0], cats[1], RIGHT, LEFT, LEFT)
    run = recompute(project.id)
    known = AnnotatorReliability.objects.filter(run=run)
    known.update(comparisons=FEWEST)
    known.filter(annotator=people[0]).update(sharpness=1.5, spammer=0.01)
    known.filter(annotator=people[1]).update(sharpness=0.5, spammer=0.2)
    known.filter(annotator=people[2]).update(sharpness=0.1, spammer=0.9)
    rows, made = pairs(project, alice, weights="reliability")
    assert sorted(row["weight"] for row in rows) == [0.5, 1.5]
    assert made.left_out == {"annotator does not see reliably": 1}
    (merged,), _ = pairs(project, alice, weights="reliability", votes="majority")
    assert winner(merged) == cats[1].name, "one sharp vote against a dull one"
    assert merged["weight"] == 1.0


def test_reliability_says_nothing_of_people_of_few_comparisons(
    project: Project, cats: list[Image], people: list[User], alice: User
) -> None:
    votes(project, people, cats[0], cats[1], RIGHT, LEFT)
    known = AnnotatorReliability.objects.filter(run=recompute(project.id))
    known.update(comparisons=FEWEST - 1, sharpness=0.02, spammer=0.97)
    rows, made = pairs(project, alice, weights="reliability")
    assert [row["weight"] for row in rows] == [1.0, 1.0], "as much as most people's"
    assert made.left_out == {}
    known.update(comparisons=FEWEST)
    rows, made = pairs(project, alice, weights="reliability")
    assert rows == []
    assert made.left_out == {"annotator does not see reliably": 2}


def test_who_is_set_aside_and_what_is_undone_does_not_count(
    project: Project, cats: list[Image], people: list[User], alice: User, bob: User, carol: User
) -> None:
    undone = vote(project, bob, cats[0], cats[1], LEFT)
    retract_comparison(bob, undone.id)
    vote(project, carol, cats[0], cats[1], LEFT)
    vote(project, alice, cats[0], cats[1], SKIP)
    vote(project, alice, cats[2], cats[3], SKIP, cause="broken")
    set_aside(project, carol.id, alice, "testing")
    rows, made = pairs(project, alice)
    assert rows == []
    left_out = {"annotator set aside": 1, "retracted": 1, "skip": 1, "skip: broken": 1}
    assert made.left_out == left_out
    assert "| skip: broken | 1 |" in made.card


def test_a_picture_that_is_gone_is_left_out_and_counted(
    project: Project, cats: list[Image], people: list[User], alice: User
) -> None:
    votes(project, people, cats[0], cats[1], LEFT, LEFT)
    votes(project, people, cats[2], cats[3], LEFT)
    Image.objects.filter(id=cats[0].id).update(path="gone.png")
    for format in ("hf_parquet", "pickapic", "imagefolder", "webdataset", "trl"):
        made = export(project, alice, format, picture="original")
        assert (made.rows, made.left_out) == (1, {"its file is gone or has changed": 2}), format


def test_the_card_accounts_for_every_comparison(
    project: Project, cats: list[Image], people: list[User], alice: User
) -> None:
    votes(project, people, cats[0], cats[1], LEFT, TIE, SKIP, BOTH_BAD)
    votes(project, people, cats[1], cats[2], RIGHT)
    for options in ({}, {"votes": "majority"}, {"votes": "posterior"}, {"ties": "both"}):
        _, made = pairs(project, alice, **options)
        card = made.card
        assert "| in all | 5 |" in card, card
        assert "| skip | 1 |" in card
        assert f"| train | {made.rows} |" in card
        assert str(made.run_id) in card
        assert f"| option `votes` | {options.get('votes', 'each')} |" in card


# --- Splits ------------------------------------------------------------------------------------------


def test_no_prompt_no_group_and_no_duplicate_is_in_two_splits(
    project: Project, add_images: Callable[..., list[Image]], alice: User, bob: User, tmp_path: Any
) -> None:
    for number in range(12):
        left, right = add_images(2, prompt=f"a cat {number}")
        vote(project, bob, left, right, LEFT)
    images = list(project.images.order_by("name"))
    # Prompts 0 and 1 share a group, 1 and 2 a picture, 3 and 4 but spacing and case.
    by_prompt = {image.prompt.text: image for image in images if image.prompt}
    for prompt in ("a cat 0", "a cat 1"):
        Image.objects.filter(id=by_prompt[prompt].id).update(group="one scene")
    twin = by_prompt["a cat 1"].sha256
    Image.objects.filter(id=by_prompt["a cat 2"].id).update(sha256=twin)
    fourth = project.prompts.get(text="a cat 4")
    fourth.text = " A  cat 3"
    fourth.save()
    families = [{"a cat 0", "a cat 1", "a cat 2"}, {"a cat 3", " A  cat 3"}]
    seen = set()
    for seed in range(3):
        options = {"split": "train=0.5,test=0.5", "seed": seed, "images": "names"}
        made = export(project, alice, "hpdv3", **options)
        folder = on_disk(made, tmp_path / str(seed))
        prompts = {
            path.stem: {row["prompt"] for row in json.loads(path.read_text())}
            for path in folder.glob("*.json")
        }
        everything = set().union(*prompts.values())
        assert len(everything) == sum(map(len, prompts.values())) == 12
        for family in families:
            assert sum(bool(family & found) for found in prompts.values()) == 1
        seen.add(frozenset(prompts.get("train", set())))
    assert len(seen) > 1, "another seed, another split"


def facts(number: int, prompt: str = "") -> Facts:
    from uuid import UUID

    id = UUID(int=number)
    prompt_id = UUID(int=10**9 + hash(prompt) % 10**6) if prompt else None
    return Facts(str(id), id, "x", prompt_id, prompt, "", "", None, f"{number}", False)


def test_splits_have_about_the_sizes_that_were_asked_for_and_keep_what_they_have() -> None:
    fractions = {"train": 0.8, "validation": 0.1, "test": 0.1}
    images = [facts(number, f"prompt {number // 2}") for number in range(4000)]
    splits = Splits(fractions, 7, images, {})
    sizes = [sum(splits.of(image) == name for image in images) for name in fractions]
    assert [round(size / 4000, 1) for size in sizes] == [0.8, 0.1, 0.1]
    fewer = Splits(fractions, 7, images[:1000], {})
    assert all(fewer.of(image) == splits.of(image) for image in images[:1000])
    assert {Splits({}, 7, images, {}).of(image) for image in images} == {WHOLE}


def test_near_duplicates_are_kept_together() -> None:
    images = [facts(number) for number in range(40)]
    clusters = {image.id: number // 4 for number, image in enumerate(images)}
    for seed in range(3):
        splits = Splits({"a": 0.5, "b": 0.5}, seed, images, clusters)
        for start in range(0, 40, 4):
            assert len({splits.of(image) for image in images[start : start + 4]}) == 1


def test_without_prompts_pairs_across_two_splits_are_left_out(
    project: Project, add_images: Callable[..., list[Image]], alice: User, bob: User
) -> None:
    images = add_images(8)
    for left, right in pairwise(images):
        vote(project, bob, left, right, LEFT)
    for seed in count():
        splits = Splits({"train": 0.5, "test": 0.5}, seed, [facts_of(one) for one in images], {})
        across = sum(
            splits.of(facts_of(one)) != splits.of(facts_of(two)) for one, two in pairwise(images)
        )
        if 0 < across < 7:
            break
    made = export(project, alice, "pairs", file="zip", split="train=0.5,test=0.5", seed=seed)
    assert made.left_out == {"its images are in two splits": across}
    assert made.rows == 7 - across


def facts_of(image: Image) -> Facts:
    key = str(image.id)
    return Facts(key, image.id, image.name, None, "", "", "", None, image.sha256, False)


# --- Options -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "options", "complaint"),
    [
        ("pairs", {"split": "train=0.9"}, "2 to 5 names with fractions"),
        ("pairs", {"split": "train=0.9,test=0.2"}, "add up to 1"),
        ("pairs", {"split": {"train": "nan", "test": 0.5}}, "add up to 1"),
        ("pairs", {"split": {"../x": 0.5, "test": 0.5}}, "2 to 5 names"),
        ("pairs", {"split": [0.5, 0.5]}, "2 to 5 names"),
        ("pairs", {"split": "train=0.9,test=0.1"}, "needs “file” to be zip"),
        ("pairs", {"minimum_votes": 0}, "a whole number from 1 to 1000"),
        ("pairs", {"minimum_votes": True}, "a whole number"),
        ("pairs", {"seed": "x"}, "a whole number"),
        ("pairs", {"labels": "soft"}, "A single vote has no soft label"),
        ("pairs", {"ties": "half"}, "A single tie has no chosen image"),
        ("pairs", {"images": "paths"}, "lie beside the data"),
        ("trl", {"file": "jsonl"}, "cannot hold pictures"),
        ("trl", {"ties": "half"}, "must be one of: drop, both"),
        ("comparisons", {"votes": "each"}, "is no option of comparisons. Its options: file"),
    ],
)
def test_options_that_cannot_be_are_refused_in_words(
    project: Project, alice: User, format: str, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(Invalid, match=complaint):
        request_export(project, alice, format, options)


@pytest.mark.parametrize("key", sorted(FORMATS))
def test_each_format_takes_its_own_defaults_and_describes_them(key: str) -> None:
    format = FORMATS[key]
    described = format.json_schema["properties"]
    for option in format.all_options:
        assert described[option.name]["default"] == option.default
        assert option.read(option.default) == option.default
        assert option.help
    assert described["file"]["enum"] == list(format.files)
