"""The queue: filled by a worker, handed out one by one, never in the way."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations, islice
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.models import (
    Assignment,
    Criterion,
    Image,
    Lineup,
    Outcome,
    Pair,
    Project,
    Prompt,
    Proposal,
    Purpose,
    Screen,
    User,
)
from annotation.pairing import claim, claim_place, free_place, handout
from annotation.pairing.proposals import proposal_of
from annotation.pairing.uniform import draw_uniform
from annotation.services import queue
from annotation.services.assignments import open_assignments, release_expired
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.images import update_image
from annotation.services.projects import update_project
from annotation.services.queue import queues_to_fill, refill
from annotation.tasks import refill_if_needed, sweep_queues
from tests.conftest import membership
from tests.promises import assert_promises
from tests.test_assignments import judge_all, open_for

pytestmark = pytest.mark.django_db

AddImages = Callable[..., list[Image]]


def pair(project: Project, images: Iterable[Image], **fields: Any) -> Proposal:
    low, high = sorted(image.id for image in images)
    values = {"strategy": "chosen", "probability": 1.0, "position": 0} | fields
    if "criterion" not in values:
        values["criterion"] = project.criteria.get()
    return Proposal(project=project, low_id=low, high_id=high, **values)


def proposes_in_order(project: Project, criterion: Criterion, count: int) -> list[Proposal]:
    pairs = combinations(project.images.order_by("prompt", "name"), 2)
    legal = (
        pair(project, (one, other), criterion=criterion)
        for one, other in pairs
        if one.prompt_id == other.prompt_id
    )
    return list(islice(legal, count))


@pytest.fixture
def picker(settings: Any) -> None:
    settings.PAIR_PICKER = f"{__name__}.proposes_in_order"


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, UUID]]:
    """What the worker was told."""
    told: list[tuple[str, UUID]] = []
    for module in (handout, queue):
        monkeypatch.setattr(module, "post", lambda task, about: told.append((task, about)))
    return told


def bare_images(project: Project, count: int, prompt: Prompt | None = None) -> list[Image]:
    """Rows without pictures, as many as one likes."""
    return Image.objects.bulk_create(
        Image(
            project=project, prompt=prompt, name=f"{n:04}", path=str(n), bytes=1, width=1, height=1
        )
        for n in range(count)
    )


# --- Handing out -----------------------------------------------------------------------------------


def test_proposals_are_handed_out_in_their_order_each_to_one_person(
    project: Project, images: list[Image], bob: User, carol: User, picker: None
) -> None:
    update_project(project.id, random_share=0.0)
    assert refill(project.id) == 6
    (first,), (second,) = open_for(project, bob), open_for(project, carol)
    assert {first.left.name, first.right.name} == {"0.png", "1.png"}
    assert {second.left.name, second.right.name} == {"0.png", "2.png"}
    assert Proposal.objects.count() == 4
    assert_promises(project)


def test_a_reload_or_a_second_tab_takes_nothing_from_the_queue(
    project: Project, images: list[Image], bob: User
) -> None:
    refill(project.id)
    shown = open_for(project, bob, 2)
    left = Proposal.objects.count()
    for _ in range(3):
        assert [again.id for again in open_for(project, bob, 2)] == [one.id for one in shown]
    assert Proposal.objects.count() == left


def test_nobody_is_handed_what_they_have_seen(
    project: Project, images: list[Image], bob: User, carol: User
) -> None:
    update_project(project.id, overlap=2)
    pair(project, images[:2]).save()
    (seen,) = open_for(project, bob)
    record_comparison(bob, seen.id, Outcome.LEFT)
    pair(project, images[:2]).save()
    (other,) = open_for(project, bob)
    assert other.pair_id != seen.pair_id
    assert other.fallback == "", "the queue is not empty, there is nothing new in it for bob"
    assert Proposal.objects.count() == 1, "it stays for others"
    (same,) = open_for(project, carol)
    assert (same.pair_id, same.strategy) == (seen.pair_id, "chosen")
    assert_promises(project)


def test_what_is_not_legal_any_more_is_dropped_and_the_next_is_taken(
    project: Project, add_images: AddImages, bob: User, carol: User
) -> None:
    gone, moved, one, two, three = add_images(5)
    pair(project, [one, three]).save()
    (full,) = open_for(project, carol)
    assert {full.left, full.right} == {one, three}
    excluded, of_another_prompt = pair(project, [gone, one]), pair(project, [moved, one])
    taken = pair(project, [one, three])
    update_image(gone, excluded=True)
    Image.objects.filter(id=moved.id).update(prompt=project.prompts.create(text="a cat"))
    for position, proposal in enumerate([excluded, of_another_prompt, taken]):
        proposal.position = position
        proposal.save()
    pair(project, [one, two], position=9, strategy="the last").save()
    opened = open_for(project, bob)
    assert [shown.strategy for shown in opened] == ["the last"]
    assert not Proposal.objects.exists()
    assert Pair.objects.get(id=full.pair_id).taken == 1
    assert_promises(project)


def test_images_of_two_prompts_are_not_handed_out_together(
    project: Project, add_images: AddImages, bob: User
) -> None:
    one, other = *add_images(1, prompt="a cat"), *add_images(1, prompt="a dog")
    pair(project, [one, other]).save()
    assert open_for(project, bob) == []
    assert not Pair.objects.exists()


@pytest.mark.parametrize("overlap", [1, 3])
@pytest.mark.parametrize("screen", [Screen.PAIR, Screen.BEST])
def test_the_last_place_is_handed_out_and_none_after_it(
    project: Project, add_images: AddImages, screen: Screen, overlap: int
) -> None:
    """A proposal that waited in the queue while its last place was taken is not handed out any more."""
    update_project(project.id, overlap=overlap, screen=screen, screen_size=3)
    project.refresh_from_db()
    images = [image.id for image in add_images(3)][: 2 if screen == Screen.PAIR else 3]
    proposal = proposal_of(project, project.criteria.get(), images)
    places = [claim(project, proposal) for _ in range(overlap)]
    assert None not in places
    assert len({(place.pair_id, place.lineup_id) for place in places}) == 1
    assert claim(project, proposal) is None
    shown = Pair if screen == Screen.PAIR else Lineup
    assert shown._default_manager.get().taken == overlap


def test_nobody_is_shown_a_pair_whose_places_are_all_taken(
    project: Project, add_images: AddImages, bob: User, carol: User
) -> None:
    images = add_images(2)
    pair(project, images).save()
    (held,) = open_for(project, carol)
    pair(project, images).save()
    opened = open_assignments(membership(project, bob))
    assert opened.assignments == []
    assert "no pair left for you" in opened.reason
    assert not Proposal.objects.exists()
    assert Pair.objects.get(id=held.pair_id).taken == 1


@pytest.mark.parametrize("screen", [Screen.PAIR, Screen.BEST])
def test_what_was_given_back_is_taken_again_while_there_is_a_place(
    project: Project, add_images: AddImages, bob: User, screen: Screen
) -> None:
    update_project(project.id, screen=screen, screen_size=3)
    project.refresh_from_db()
    add_images(3)
    (shown,) = open_for(project, bob)
    row = shown.pair or shown.lineup
    for taken, may in ((0, True), (1, False), (2, False)):
        type(row)._default_manager.filter(id=row.id).update(taken=taken)
        assert claim_place(shown) is may
        row.refresh_from_db()
        assert row.taken == taken + may


def test_a_project_that_shows_something_else_now_hands_out_nothing_of_before(
    project: Project, images: list[Image], bob: User, posted: list[Any]
) -> None:
    refill(project.id)
    assert Proposal.objects.exists()
    update_project(project.id, screen=Screen.BEST)
    assert not Proposal.objects.exists()
    (opened,) = open_for(project, bob)
    assert opened.screen == Screen.BEST


def test_without_worker_and_picker_people_get_random_pairs(
    project: Project, images: list[Image], bob: User, settings: Any, posted: list[Any]
) -> None:
    settings.PAIR_PICKER = "nowhere.at_all"
    assert len(judge_all(project, bob)) == 6
    assert posted[0] == ("annotation.tasks.refill", project.id), "but a worker is asked for"


def test_the_worker_is_told_when_half_of_the_queue_is_gone(
    project: Project, add_images: AddImages, bob: User, posted: list[Any]
) -> None:
    bare_images(project, 20)
    for position in range(8):
        images = project.images.order_by("name")[2 * position : 2 * position + 2]
        pair(project, images, position=position).save()
    told = []
    for _ in range(8):
        (opened,) = open_for(project, bob)
        record_comparison(bob, opened.id, Outcome.LEFT)
        told.append(len(posted))
    assert told == [0, 0, 0, 1, 2, 3, 4, 5]


def test_opening_takes_few_statements(project: Project, images: list[Image], bob: User) -> None:
    # Now and then a check is looked for, too.
    update_project(project.id, gold_share=0.0)
    refill(project.id)
    member = membership(project, bob)
    with CaptureQueriesContext(
        connection,
    ) as statements:
        assert open_assignments(member).assignments
    asked = [q for q in statements.captured_queries if "SAVEPOINT" not in q["sql"]]
    assert len(asked) <= 8
    with CaptureQueriesContext(connection) as statements:
        assert open_assignments(member).assignments
    asked = [q for q in statements.captured_queries if "SAVEPOINT" not in q["sql"]]
    assert len(asked) <= 5, "a reload"


# --- Filling ---------------------------------------------------------------------------------------


def test_filling_replaces_what_is_left(project: Project, images: list[Image], picker: None) -> None:
    update_project(project.id, random_share=0.0)
    refill(project.id)
    before = set(Proposal.objects.values_list("id", flat=True))
    assert refill(project.id) == 6
    after = set(Proposal.objects.values_list("id", flat=True))
    assert len(after) == 6
    assert not before & after


def test_a_queue_of_random_pairs_has_what_was_begun_first_and_the_least_seen_images(
    project: Project, bob: User
) -> None:
    update_project(project.id, overlap=2, strategy="random")
    bare_images(project, 100)
    begun = open_for(project, bob, 4)
    refill(project.id)
    proposals = list(Proposal.objects.order_by("position"))
    assert len(proposals) == queue.LEAST
    both = {(one.pair.low_id, one.pair.high_id) for one in begun}
    assert {(p.low_id, p.high_id) for p in proposals[:4]} == both
    new = proposals[4:]
    seen = Counter(id for p in new for id in (p.low_id, p.high_id))
    assert set(seen.values()) == {1}, "28 new pairs of a hundred images show none twice"
    assert {p.strategy for p in proposals} == {"random"}


def test_the_random_share_has_its_share_and_its_true_probability(
    project: Project, picker: None
) -> None:
    """A third of many places; 20 images without and 10 with a prompt are 235 pairs, each equally likely."""
    bare_images(project, 20)
    cats = project.prompts.create(text="a cat")
    bare_images(project, 10, cats)
    criterion, legal = project.criteria.get(), 20 * 19 // 2 + 10 * 9 // 2
    project.random_share = 0.3
    proposals = [proposal for _ in range(20) for proposal in queue.propose(project, criterion, 100)]
    random_ones = [proposal for proposal in proposals if proposal.strategy == "random"]
    # Six standard deviations of 2,000 tosses: by chance once in a billion runs.
    assert abs(len(random_ones) - 600) < 6 * (2000 * 0.3 * 0.7) ** 0.5
    assert all(p.probability == pytest.approx(0.3 / legal) for p in random_ones)
    chosen = [p.probability for p in proposals if p.strategy == "chosen"]
    assert chosen == pytest.approx([0.7] * len(chosen))
    of_cats = sum(p.low.prompt_id == cats.id for p in random_ones)
    expected = len(random_ones) * 45 / legal
    assert abs(of_cats - expected) < 6 * expected**0.5


def test_random_places_are_drawn_among_the_pairs_that_have_a_place_left(project: Project) -> None:
    images = bare_images(project, 5)
    criterion = project.criteria.get()
    full = [pair(project, images[:2]), pair(project, images[1:3]), pair(project, images[2:4])]
    Pair.objects.bulk_create(
        Pair(project=project, criterion=criterion, low_id=p.low_id, high_id=p.high_id, taken=1)
        for p in full
    )
    drawn = [p for _ in range(60) for p in draw_uniform(project, criterion, 3, share=1.0)]
    assert all(p.probability == pytest.approx(1 / 7) for p in drawn)
    met = Counter((p.low_id, p.high_id) for p in drawn)
    assert not {(p.low_id, p.high_id) for p in full} & set(met)
    # 180 draws of 7: fewer than 3 of one of them comes by chance less than once in a million runs.
    assert len(met) == 7
    assert min(met.values()) >= 3


def test_a_queue_is_as_long_as_people_are_many_and_quick(
    project: Project, picker: None, bob: User, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare_images(project, 60)
    assert refill(project.id) == queue.LEAST
    monkeypatch.setattr(queue, "LEAST", 4)
    for user in (bob, carol):
        open_for(project, user)
    assert queue._wanted(project, criteria=1) == 16
    monkeypatch.setattr(queue, "MOST", 5)
    assert refill(project.id) <= 5


def test_the_sweep_fills_queues_of_projects_that_are_open_and_empty_or_stale(
    project: Project, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(refill_if_needed, "apply_async", lambda args, **_: done.extend(args))
    assert queues_to_fill() == [], "there is nothing to compare"
    bare_images(project, 4)
    sweep_queues()
    assert done == [str(project.id)]
    refill(project.id)
    assert queues_to_fill() == []
    open_for(project, bob)
    Proposal.objects.update(created_at="2026-01-01T00:00:00Z")
    assert queues_to_fill() == [project.id], "people work with what was chosen long ago"
    update_project(project.id, state="paused")
    assert queues_to_fill() == []
    assert refill(project.id) == 0


# --- Several images --------------------------------------------------------------------------------


def test_several_images_are_shown_once_to_each_and_as_often_as_wanted(
    project: Project, add_images: AddImages, bob: User, carol: User, alice: User
) -> None:
    update_project(project.id, screen=Screen.ORDER, screen_size=3, overlap=2)
    add_images(4)
    for user in (bob, carol):
        seen = set()
        while opened := open_for(project, user):
            (shown,) = opened
            assert len(shown.shown) == 3
            record_comparison(user, shown.id, Outcome.ORDERED, levels=[[id] for id in shown.shown])
            seen.add(shown.lineup_id)
        assert len(seen) == 4, "of four images there are four lineups of three"
    assert open_for(project, alice) == []
    assert set(Lineup.objects.values_list("taken", flat=True)) == {2}
    assert_promises(project)


def test_a_prompt_with_fewer_images_has_one_lineup_of_all_and_with_two_a_pair(
    project: Project, add_images: AddImages, bob: User
) -> None:
    update_project(project.id, screen=Screen.BEST, screen_size=5)
    add_images(3, prompt="a cat")
    add_images(2, prompt="a dog")
    add_images(1, prompt="a cow")
    shown = open_for(project, bob, 5)
    assert sorted((a.screen, len(a.shown or "lr")) for a in shown) == [("best", 3), ("pair", 2)]


@pytest.mark.parametrize("by", ["the queue", "chance"])
def test_lineups_are_of_one_prompt_in_a_tossed_order_and_of_the_least_seen(
    project: Project, bob: User, by: str
) -> None:
    update_project(project.id, screen=Screen.BEST_WORST, screen_size=4, strategy="random")
    bare_images(project, 12)
    bare_images(project, 12, project.prompts.create(text="a cat"))
    if by == "the queue":
        refill(project.id)
    shown = []
    for _ in range(6):
        (opened,) = open_for(project, bob)
        record_comparison(bob, opened.id, Outcome.SKIP)
        shown.append(opened)
    assert len({id for one in shown for id in one.shown}) == 24, "each is seen once"
    in_order = [one.shown == sorted(one.shown) for one in shown]
    assert not all(in_order), "six tosses of 24 orders"
    assert_promises(project)


def test_a_lineup_leaves_the_screen_with_an_image_that_is_excluded_and_comes_back_by_undo(
    project: Project, add_images: AddImages, bob: User
) -> None:
    update_project(project.id, screen=Screen.BEST, screen_size=3)
    one, *_ = add_images(3)
    (opened,) = open_for(project, bob)
    update_image(one, excluded=True)
    (as_pair,) = open_for(project, bob)
    assert as_pair.screen == Screen.PAIR, "two are left"
    record_comparison(bob, as_pair.id, Outcome.LEFT)
    update_image(one, excluded=False)
    opened.refresh_from_db()
    assert (opened.state, opened.lineup.taken) == ("released", 0)
    assert open_for(project, bob) == [], "bob has had it on the screen"


def test_undo_shows_a_lineup_again_in_the_same_order(
    project: Project, add_images: AddImages, bob: User
) -> None:
    update_project(project.id, screen=Screen.BEST, screen_size=3)
    add_images(3)
    (opened,) = open_for(project, bob)
    levels = [opened.shown[:1], opened.shown[1:]]
    comparison, _ = record_comparison(bob, opened.id, Outcome.ORDERED, levels=levels)
    retract_comparison(bob, comparison.id)
    (again,) = open_for(project, bob)
    assert (again.replaces_id, again.shown) == (opened.id, opened.shown)
    assert_promises(project)


def test_the_random_share_of_lineups_is_uniform_too(project: Project) -> None:
    update_project(project.id, screen=Screen.BEST, screen_size=3)
    project.refresh_from_db()
    bare_images(project, 5)
    drawn = draw_uniform(project, project.criteria.get(), 10, share=0.5)
    assert all(p.probability == pytest.approx(0.5 / 10) for p in drawn)
    assert all(len(p.images) == 3 for p in drawn)


# --- Checks ----------------------------------------------------------------------------------------


def test_a_check_takes_no_place_and_gives_none_back(
    project: Project, images: list[Image], bob: User
) -> None:
    (opened,) = open_for(project, bob)
    Assignment.objects.filter(id=opened.id).update(purpose=Purpose.GOLD)
    Pair.objects.update(taken=0)
    opened = Assignment.objects.get(id=opened.id)
    assert claim_place(opened)
    free_place(opened)
    Assignment.objects.update(expires_at="2026-01-01T00:00:00Z")
    assert release_expired() == 1
    assert Pair.objects.get().taken == 0
    assert_promises(project)
