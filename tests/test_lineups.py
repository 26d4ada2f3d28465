"""More than two on a screen: what is recorded is what was said, once, and nothing else."""

from typing import Any
from uuid import uuid4

import pytest

from annotation.errors import Conflict, Invalid
from annotation.levels import checked_levels, implied_count, implied_pairs
from annotation.models import (
    Assignment,
    Comparison,
    Image,
    Lineup,
    Outcome,
    Project,
    Purpose,
    Screen,
    User,
)
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.images import delete_image
from tests.api import as_user, url
from tests.conftest import membership
from tests.lineups import as_shown, ids, lineup, ordered

SHOWN = ["a", "b", "c", "d"]


# --- What may be said ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("screen", "levels", "stored"),
    [
        (Screen.BEST, [["c"], ["d", "a", "b"]], [["c"], ["a", "b", "d"]]),
        (Screen.BEST_WORST, [["c"], ["d", "a"], ["b"]], [["c"], ["a", "d"], ["b"]]),
        (Screen.ORDER, [["d"], ["a"], ["c"], ["b"]], [["d"], ["a"], ["c"], ["b"]]),
    ],
)
def test_within_a_level_images_stand_as_they_were_shown(
    screen: Screen, levels: Any, stored: Any
) -> None:
    assert checked_levels(screen, SHOWN, levels) == stored


@pytest.mark.parametrize(
    ("screen", "levels", "why"),
    [
        (Screen.BEST, None, r"\[\[the best\], \[all others\]\]"),
        (Screen.BEST, [["a"], ["b", "c"]], "leaves out d"),
        (Screen.BEST, [["a"], ["b", "c", "d", "e"]], "names e, which was not shown"),
        (Screen.BEST, [["a"], ["a", "b", "c", "d"]], "names a more than once"),
        (Screen.BEST, [["a", "b"], ["c", "d"]], r"must be \[\[the best\], \[all others\]\]"),
        (Screen.BEST, [["a"], ["b"], ["c"], ["d"]], "must be"),
        (Screen.BEST_WORST, [["a"], ["b", "c", "d"]], "all between"),
        (Screen.BEST_WORST, [["a"], ["b"], ["c", "d"]], "all between"),
        (Screen.ORDER, [["a"], ["b"], ["c", "d"]], "each image alone"),
        (Screen.ORDER, [["a"], [], ["b"], ["c"], ["d"]], "each image alone"),
    ],
)
def test_what_is_no_answer_to_the_screen_is_refused_with_what_is_wrong(
    screen: Screen, levels: Any, why: str
) -> None:
    with pytest.raises(Invalid, match=why) as refusal:
        checked_levels(screen, SHOWN, levels)
    assert refusal.value.field == "levels"


def test_levels_imply_each_image_over_each_of_a_later_level() -> None:
    levels = [["a"], ["b", "c"], ["d"]]
    implied = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "d"), ("c", "d")]
    assert list(implied_pairs(levels)) == implied
    assert implied_count(levels) == 5


# --- Recording -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_lineup_is_stored_as_what_was_said_of_it_with_what_it_was_for(
    project: Project, images: list[Image], bob: User
) -> None:
    asked = lineup(project, bob, images, Screen.BEST_WORST, purpose=Purpose.GOLD)
    a, b, c, d = ids(images)
    made, new = record_comparison(
        bob, asked.id, Outcome.ORDERED, levels=[[c], [d, a], [b]], duration_ms=4000
    )
    made.refresh_from_db()
    assert new
    assert (made.screen, made.purpose, made.outcome) == ("best_worst", "gold", "ordered")
    assert (made.levels, made.left, made.right) == ([[c], [a, d], [b]], None, None)
    assert made.duration_ms == 4000


@pytest.mark.django_db
def test_the_same_levels_again_are_one_comparison_and_others_a_conflict(
    project: Project, images: list[Image], bob: User
) -> None:
    asked = lineup(project, bob, images, Screen.BEST)
    a, b, c, d = ids(images)
    first, _ = record_comparison(bob, asked.id, Outcome.ORDERED, levels=[[a], [b, c, d]])
    again, new = record_comparison(bob, asked.id, Outcome.ORDERED, levels=[[a], [d, c, b]])
    assert (again.id, new) == (first.id, False)
    with pytest.raises(Conflict, match="another order"):
        record_comparison(bob, asked.id, Outcome.ORDERED, levels=[[b], [a, c, d]])
    with pytest.raises(Conflict, match="already answered with “ordered”"):
        record_comparison(bob, asked.id, Outcome.SKIP)
    assert Comparison.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", [Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD])
def test_a_lineup_has_no_sides(
    project: Project, images: list[Image], bob: User, outcome: Outcome
) -> None:
    asked = lineup(project, bob, images)
    with pytest.raises(Invalid, match="Several images were shown") as refusal:
        record_comparison(bob, asked.id, outcome)
    assert refusal.value.field == "outcome"
    assert not Comparison.objects.exists()


@pytest.mark.django_db
def test_a_pair_has_no_order(project: Project, images: list[Image], bob: User) -> None:
    asked = open_assignments(membership(project, bob)).assignments[0]
    sides = [[asked.left_id], [asked.right_id]]
    with pytest.raises(Invalid, match="Two images were shown"):
        record_comparison(bob, asked.id, Outcome.ORDERED)
    with pytest.raises(Invalid, match="belong to the outcome “ordered”"):
        record_comparison(bob, asked.id, Outcome.LEFT, levels=sides)
    assert not Comparison.objects.exists()


@pytest.mark.django_db
def test_skip_and_undo_give_the_place_of_a_lineup_back(
    project: Project, images: list[Image], alice: User, bob: User, carol: User
) -> None:
    skipped = lineup(project, bob, images)
    record_comparison(bob, skipped.id, Outcome.SKIP)
    assert Lineup.objects.get().taken == 0
    made = ordered(project, carol, *[[image] for image in images])
    assert Lineup.objects.get().taken == 1
    retract_comparison(alice, made.id)
    retract_comparison(alice, made.id)
    assert Lineup.objects.get().taken == 0


@pytest.mark.django_db
def test_undo_shows_its_author_the_same_lineup_in_the_same_places(
    project: Project, images: list[Image], bob: User
) -> None:
    Project.objects.update(screen=Screen.ORDER)
    made = ordered(project, bob, *[[image] for image in images])
    retract_comparison(bob, made.id)
    (again,) = open_assignments(membership(project, bob)).assignments
    assert (again.replaces, again.screen) == (made.assignment, Screen.ORDER)
    assert again.shown == ids(images[::-1])
    assert Lineup.objects.get().taken == 1


@pytest.mark.django_db
def test_an_image_of_a_lineup_is_part_of_the_log(
    project: Project, images: list[Image], bob: User
) -> None:
    lineup(project, bob, images)
    with pytest.raises(Conflict, match="has been shown"):
        delete_image(images[0])


@pytest.mark.django_db
def test_the_assignments_of_lineups_are_read_with_all_their_images_at_once(
    project: Project, add_images: Any, bob: User, django_assert_max_num_queries: Any
) -> None:
    images = add_images(9)
    for start in range(5):
        lineup(project, bob, images[start:])
    with django_assert_max_num_queries(24):
        answer = as_user(bob).post(url("assignments", project_id=project.id), {"count": 5})
    assert [len(shown["images"]) for shown in answer.json()["results"]] == [9, 8, 7, 6, 5]


@pytest.mark.django_db
def test_what_is_not_for_the_ranking_takes_no_place(
    project: Project, images: list[Image], alice: User, bob: User
) -> None:
    asked = lineup(project, bob, images, Screen.ORDER, purpose=Purpose.REPEAT)
    said = [[id] for id in ids(images)]
    made, _ = record_comparison(bob, asked.id, Outcome.ORDERED, levels=said)
    retract_comparison(alice, made.id)
    assert Lineup.objects.get().taken == 0


# --- Over the API ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_assignment_shows_its_images_in_order_and_nothing_of_why(
    project: Project, images: list[Image], bob: User
) -> None:
    Image.objects.update(model="secret-model")
    asked = lineup(
        project, bob, images[::-1], Screen.BEST, purpose=Purpose.GOLD, strategy="secret-strategy"
    )
    answer = as_user(bob).post(url("assignments", project_id=project.id), {})
    (shown,) = answer.json()["results"]
    assert (shown["id"], shown["screen"]) == (str(asked.id), "best")
    assert (shown["left"], shown["right"]) == (None, None)
    assert [image["id"] for image in shown["images"]] == as_shown(asked, images[::-1])
    first = shown["images"][0]
    assert first["image"] == f"/images/{first['id']}/"
    assert (first["width"], first["height"]) == (60, 40)
    for secret in ("gold", "purpose", "secret", ".png", "strategy", "model"):
        assert secret not in answer.content.decode()


@pytest.mark.django_db
def test_a_lineup_is_answered_once_and_its_levels_come_back(
    project: Project, images: list[Image], bob: User
) -> None:
    asked = lineup(project, bob, images, Screen.BEST_WORST)
    a, b, c, d = as_shown(asked, images)
    body = {"assignment": str(asked.id), "outcome": "ordered", "levels": [[b], [a, c], [d]]}
    client = as_user(bob)
    made, again = (client.post(url("comparisons"), body, format="json") for _ in range(2))
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    assert (made.json()["screen"], made.json()["levels"]) == ("best_worst", [[b], [a, c], [d]])
    assert (made.json()["left"], made.json()["right"]) == (None, None)
    assert "purpose" not in made.json()
    own = dict(zip((a, b, c, d), ids(images), strict=True))
    assert Comparison.objects.get().levels == [[own[b]], [own[a], own[c]], [own[d]]]
    other = body | {"levels": [[a], [b, c], [d]]}
    assert client.post(url("comparisons"), other, format="json").status_code == 409


@pytest.mark.django_db
@pytest.mark.parametrize(
    "levels",
    [None, [], [[]], "best", [["x"]], [[str(uuid4())], [str(uuid4())]], {"a": 1}, [None], [[None]]],
)
def test_bad_levels_are_refused_by_their_field(
    project: Project, images: list[Image], bob: User, levels: Any
) -> None:
    asked = lineup(project, bob, images)
    body = {"assignment": str(asked.id), "outcome": "ordered", "levels": levels}
    answer = as_user(bob).post(url("comparisons"), body, format="json")
    (where,) = answer.json()
    assert (answer.status_code, where.split(".")[0]) == (400, "levels")
    assert not Comparison.objects.exists()


@pytest.mark.django_db
def test_the_log_tells_reviewers_all_of_a_lineup_and_can_be_cut_by_it(
    project: Project, images: list[Image], bob: User, rita: User, django_assert_max_num_queries: Any
) -> None:
    pair = open_assignments(membership(project, bob)).assignments[0]
    record_comparison(bob, pair.id, Outcome.LEFT)
    for _ in range(3):
        ordered(project, bob, *[[image] for image in images])
    gold = lineup(project, bob, images, Screen.BEST, purpose=Purpose.GOLD)
    record_comparison(bob, gold.id, Outcome.SKIP)
    where, client = url("log", project_id=project.id), as_user(rita)

    def found(**filters: str) -> Any:
        return client.get(where, filters).json()["results"]

    with django_assert_max_num_queries(12):
        rows = found()
    assert [row["screen"] for row in rows] == ["pair", *["order"] * 3, "best"]
    assert (rows[0]["images"], rows[0]["levels"]) == (None, None)
    assert rows[1]["levels"] == [[id] for id in ids(images)]
    assert [image["name"] for image in rows[1]["images"]] == ["3.png", "2.png", "1.png", "0.png"]
    assert (rows[1]["left_name"], rows[1]["purpose"]) == (None, "ranking")
    assert (rows[4]["outcome"], rows[4]["levels"], rows[4]["purpose"]) == ("skip", None, "gold")
    assert len(found(screen="order")) == 3
    assert len(found(purpose="gold")) == 1
    assert client.get(where, {"screen": "wall"}).status_code == 400


@pytest.mark.django_db
def test_ones_own_history_shows_the_pictures_of_a_lineup(
    project: Project, images: list[Image], bob: User
) -> None:
    ordered(project, bob, *[[image] for image in images])
    answer = as_user(bob).get(url("history", project_id=project.id))
    (row,) = answer.json()["results"]
    asked = Assignment.objects.get()
    assert [image["id"] for image in row["images"]] == as_shown(asked, images[::-1])
    assert row["levels"] == [[id] for id in as_shown(asked, images)]
    assert (row["left"], row["prompt"]) == (None, "")
    assert "purpose" not in answer.content.decode()
