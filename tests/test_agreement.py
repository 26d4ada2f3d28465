"""How far people agree: a published example, its limits, and what the API says of a project."""

from collections.abc import Callable

import numpy as np
import pytest
from rest_framework.test import APIClient

from annotation.models import Image, Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison, retract_comparison
from rating.algorithms.agreement import FEWEST, agreement, share
from rating.services import set_aside
from tests.api import as_user, url
from tests.conftest import membership

# Krippendorff 2011, example C: four observers, 12 units, values 1 to 5, some missing. Nominal alpha 0.743.
OBSERVERS = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""


def table(observers: str = OBSERVERS, values: int = 5) -> np.ndarray:
    rows = [line.split() for line in observers.strip().splitlines()]
    return np.array(
        [[column.count(str(v + 1)) for v in range(values)] for column in zip(*rows, strict=True)]
    )


def test_the_published_example_has_its_published_alpha() -> None:
    found = agreement(table())
    assert (found.things, found.judgements) == (11, 40)
    assert found.alpha == pytest.approx(0.743, abs=0.0005)
    assert found.alpha_low is not None
    assert found.alpha_high is not None
    assert found.alpha_low < 0.743 < found.alpha_high <= 1


def test_neither_the_order_of_things_nor_the_names_of_values_matter() -> None:
    counts = table()
    shuffled = np.random.default_rng(1).permutation(counts)[:, ::-1]
    assert agreement(shuffled).alpha == pytest.approx(agreement(counts).alpha)
    assert agreement(counts) == agreement(counts.copy()), "the same interval each time"


def test_people_who_toss_coins_agree_as_chance_does() -> None:
    heads = np.random.default_rng(7).binomial(2, 0.5, 4000)
    found = agreement(np.column_stack([heads, 2 - heads]))
    assert found.alpha == pytest.approx(0, abs=0.05)
    assert found.share == pytest.approx(0.5, abs=0.03)
    assert found.alpha_low is not None
    assert found.alpha_high is not None
    assert found.alpha_low < 0 < found.alpha_high


def test_few_things_have_a_share_but_no_alpha() -> None:
    few = np.array([[2, 0], [1, 1]] * (FEWEST // 2))[: FEWEST - 1]
    found = agreement(few)
    assert (found.things, found.alpha, found.alpha_low) == (FEWEST - 1, None, None)
    assert found.share == pytest.approx(5 / 9)
    assert agreement(np.zeros((0, 4), dtype=int)).share is None
    assert agreement(np.array([[1, 0]] * 50)).things == 0, "judged once, nobody can disagree"


def test_where_all_said_the_same_chance_would_agree_as_well() -> None:
    found = agreement(np.array([[3, 0]] * 20))
    assert (found.share, found.alpha) == (1.0, None)


def test_bad_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        agreement(np.array([[2, -1]]))


def test_the_share_of_one_pair() -> None:
    assert share([2, 0, 0, 0]) == 1
    assert share([1, 1, 0, 0]) == 0
    assert share([2, 1, 0, 0]) == pytest.approx(1 / 3)


# --- The project's -----------------------------------------------------------------------------------


@pytest.fixture
def judged(
    project: Project, add_images: Callable[..., list[Image]], bob: User, carol: User
) -> dict[str, object]:
    """Six pictures, 15 pairs: bob and carol both prefer the one with the lower id, but once."""
    add_images(6)
    Project.objects.filter(id=project.id).update(overlap=2)
    project.refresh_from_db()
    last: dict[str, object] = {}
    for user in (bob, carol):
        for n in range(15):
            (given,) = open_assignments(membership(project, user)).assignments
            lower_left = given.left_id < given.right_id
            wrong = user == carol and n == 0
            outcome = Outcome.LEFT if lower_left != wrong else Outcome.RIGHT
            last[user.username], _ = record_comparison(user, given.id, outcome)
    return last


@pytest.mark.django_db
def test_a_project_tells_its_agreement_and_each_pairs(
    project: Project, judged: dict[str, object], rita: User
) -> None:
    client = as_user(rita)
    told = client.get(url("agreement", project_id=project.id)).json()
    assert (told["pairs"], told["judgements"], told["criterion"]) == (15, 30, "better")
    assert told["agreement"] == pytest.approx(14 / 15)
    assert told["alpha"] < told["agreement"]
    assert told["reason"] == ""
    assert sorted(pair["agreement"] for pair in told["results"]) == [0.0] + [1.0] * 14
    split = min(told["results"], key=lambda pair: pair["agreement"])
    assert (split["first_better"], split["second_better"]) == (1, 1)
    page = client.get(url("agreement", project_id=project.id), {"page_size": 10}).json()
    rest = APIClient()
    rest.credentials(**client._credentials)  # type: ignore[attr-defined]
    assert len(rest.get(page["next"]).json()["results"]) == 5


@pytest.mark.django_db
def test_what_does_not_count_is_not_there(
    project: Project, judged: dict[str, object], alice: User, carol: User
) -> None:
    where = url("agreement", project_id=project.id)
    client = as_user(alice)
    retract_comparison(carol, judged["carol"].id)  # type: ignore[attr-defined]
    assert client.get(where).json()["pairs"] == 14
    set_aside(project, carol.id, alice)
    told = client.get(where).json()
    assert (told["pairs"], told["agreement"], told["alpha"]) == (0, None, None)
    assert "overlap" in told["reason"]
    assert client.get(where, {"criterion": "nothing"}).status_code == 400
