"""What the queue is filled with by each strategy, from a project's latest ratings."""

from collections import Counter
from uuid import UUID

import pytest

from annotation.models import Assignment, Image, Proposal
from annotation.services.assignments import open_assignments
from annotation.services.images import update_image
from annotation.services.projects import update_project
from annotation.services.queue import refill
from rating.picker import pick
from rating.services import recompute
from rating.simulation import Game, Table

pytestmark = pytest.mark.django_db


def played(votes: int = 60, **game: object) -> Table:
    """A project in which so much was compared, with its simulated people."""
    rules = {"overlap": 3, "random_share": 0.0, "gold_share": 0.0, **game.pop("rules", {})}  # type: ignore[dict-item]
    table = Table(Game(**{"images": 12, "annotators": 4, "rules": rules, **game}))  # type: ignore[arg-type]
    for _ in range(votes):
        who = int(table.chance.integers(4))
        opened = open_assignments(table.people[who], count=1)
        if opened.assignments:
            table.answer(who, opened.assignments[0])
    recompute(table.project.id)
    return table


def pairs_of(proposals: list[Proposal]) -> list[frozenset[UUID]]:
    return [frozenset((one.low_id, one.high_id)) for one in proposals]


def proposed(table: Table, count: int = 20) -> list[Proposal]:
    return pick(table.project, table.project.criteria.get(), count)


def test_before_the_first_ratings_nothing_is_proposed_and_people_get_random_pairs() -> None:
    table = Table(Game(images=6, annotators=2))
    assert proposed(table) == []
    refill(table.project.id)
    assert set(Proposal.objects.values_list("strategy", flat=True)) == {"random"}


@pytest.mark.parametrize("strategy", ["adaptive", "smart_shuffle", "sequential_elimination"])
def test_each_strategy_proposes_legal_pairs_under_its_name(strategy: str) -> None:
    # A cull of two prompts of six images is over after ten.
    table = played(votes=4, prompts=2, rules={"strategy": strategy})
    update_image(Image.objects.filter(project=table.project).first(), excluded=True)
    recompute(table.project.id)
    found = proposed(table)
    assert found
    assert {one.strategy for one in found} == {strategy}
    for pair in pairs_of(found):
        one, other = Image.objects.filter(id__in=pair)
        assert one.prompt_id == other.prompt_id
        assert not one.excluded
        assert not other.excluded


def test_pairs_without_a_place_left_are_not_proposed() -> None:
    table = played(votes=50, rules={"overlap": 1})
    full = {
        frozenset((low, high))
        for low, high in table.project.pairs.filter(taken=1).values_list("low_id", "high_id")
    }
    assert len(full) > 30
    assert not full & set(pairs_of(proposed(table, 60)))


def test_two_people_are_not_sent_to_the_same_images() -> None:
    """The first half a dozen proposals of twelve images have each of them once."""
    table = played(votes=30)
    for person in table.people:
        Assignment.objects.filter(annotator=person.user, state="open").update(state="released")
    table.project.pairs.update(taken=0)
    first = pairs_of(proposed(table, 4))
    shown = Counter(image for pair in first for image in pair)
    assert set(shown.values()) == {1}


def test_what_is_on_a_screen_is_not_asked_of_others_at_the_same_time() -> None:
    table = played(votes=30)
    open_assignments(table.people[0], count=3)
    on_screen = Assignment.objects.filter(project=table.project, state="open")
    shown = {frozenset(pair) for pair in on_screen.values_list("left_id", "right_id")}
    assert not shown & set(pairs_of(proposed(table, 3)))


def test_adaptive_pairs_are_of_neighbours_and_those_of_the_top_at_its_border() -> None:
    table = played(votes=110, images=14, spread=3.0, rules={"overlap": 6})
    rank = dict(
        recompute(table.project.id).ratings.values_list("image", "rank"),
    )

    def distance() -> float:
        found = pairs_of(proposed(table, 4))
        return sum(abs(rank[a] - rank[b]) for a, b in map(tuple, found)) / len(found)

    assert distance() < 3.5, "at random it is 5"
    update_project(table.project.id, goal="top", top=4)
    table.project.refresh_from_db()
    (best, *_) = pairs_of(proposed(table, 1))
    assert {rank[image] for image in best} <= set(range(2, 8))


def test_the_cull_asks_only_for_those_that_never_lost() -> None:
    table = played(votes=8, rules={"strategy": "sequential_elimination"})
    run = recompute(table.project.id)
    lost = set(run.ratings.filter(losses__gt=0).values_list("image", flat=True))
    assert lost
    assert not lost & {image for pair in pairs_of(proposed(table)) for image in pair}


def test_lineups_are_proposed_where_the_project_shows_several() -> None:
    table = played(votes=20, rules={"screen": "order", "screen_size": 4})
    found = proposed(table, 3)
    assert [len(one.images) for one in found] == [4, 4, 4]
    assert {one.screen for one in found} == {"order"}
    assert refill(table.project.id) > 0
    (shown,) = open_assignments(table.people[0]).assignments
    assert (shown.screen, len(shown.shown), shown.strategy) == ("order", 4, "adaptive")


def test_ratings_that_were_lost_cost_nothing(settings, tmp_path) -> None:
    table = played(votes=30)
    before = pairs_of(proposed(table))
    settings.DATA_DIR = tmp_path / "elsewhere"
    assert pairs_of(proposed(table)) == before


def test_the_queue_says_with_what_chance_a_pair_came_to_be_there() -> None:
    table = played(votes=30, rules={"random_share": 0.25})
    refill(table.project.id)
    told = Proposal.objects.filter(project=table.project)
    assert set(told.filter(strategy="adaptive").values_list("probability", flat=True)) == {0.75}
    assert told.filter(strategy="random").count() < told.filter(strategy="adaptive").count()


def test_lineups_are_chosen_adaptively_and_say_so_whatever_the_strategy_for_pairs() -> None:
    rules = {"screen": "best", "screen_size": 3, "strategy": "smart_shuffle"}
    table = played(votes=6, rules=rules)
    assert {one.strategy for one in proposed(table, 3)} == {"adaptive"}


def test_a_lineup_without_a_place_left_is_not_queued_again() -> None:
    """Prompts of three images have one lineup each."""
    table = played(votes=2, prompts=4, rules={"screen": "order", "screen_size": 3, "overlap": 1})
    used = set(table.project.lineups.filter(taken=1).values_list("digest", flat=True))
    assert len(used) == 2
    refill(table.project.id)
    queued = set(Proposal.objects.filter(project=table.project).values_list("digest", flat=True))
    assert queued
    assert not queued & used
