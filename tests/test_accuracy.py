"""How far a project is: announced after each run, forecast, shown, and acted upon at the target."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.urls import reverse

from annotation.models import Comparison, Criterion, Delivery, Image, Project, User
from annotation.services.projects import create_project, update_project
from annotation.services.webhooks import create_webhook
from rating.algorithms.results import NotConverged
from rating.models import Closing, RatingRun, RunAccuracy
from rating.selectors import latest_run, read_log
from rating.selectors.accuracy import announced, curve, rows_at_random, unjudged_projects
from rating.services import accuracy as accuracy_module
from rating.services import judge_latest, recompute
from rating.services.accuracy import close_if_reached
from rating.tasks import judge_project
from tests.api import as_user, url
from tests.crowds import judge, neighbours
from tests.pages import logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(bob: User, carol: User) -> list[User]:
    return [bob, carol]


@pytest.fixture
def sorted_images(add_images: Callable[..., list[Image]]) -> list[Image]:
    """From the worst to the best, for `judge`."""
    return add_images(12)


@pytest.fixture
def judged(project: Project, sorted_images: list[Image], people: list[User]) -> Project:
    judge(project, sorted_images, people, 240, spread=3)
    recompute(project.id)
    return project


def row_of(project: Project) -> RunAccuracy:
    (row,) = announced(project)
    return row


def numbers(row: RunAccuracy) -> dict[str, Any]:
    return {
        field.name: getattr(row, field.name)
        for field in RunAccuracy._meta.fields
        if field.name not in ("id", "run", "criterion")
    }


# --- What a run announces --------------------------------------------------------------------------


def test_a_run_announces_its_accuracy_with_an_interval(judged: Project) -> None:
    row = row_of(judged)
    assert row.run == latest_run(judged.id)
    assert 0.5 < row.tau_low < row.tau < row.tau_high <= 1
    assert row.tau < row.spearman <= 1
    assert (row.k, row.top is not None) == (10, True)
    assert row.random_pairs is not None
    assert row.random_pairs["votes"] == 48
    assert not row.random_pairs["disagrees"]
    assert row.seconds_a_vote == pytest.approx(2.001)
    assert (row.target, row.forecast) == ("", None)


def test_what_was_announced_can_be_had_again_to_the_last_bit(judged: Project) -> None:
    update_project(judged.id, target="tau", target_value=row_of(judged).tau_low + 0.05)
    recompute(judged.id)
    before = numbers(row_of(judged))
    assert before["forecast"]["votes"] > 0
    RunAccuracy.objects.all().delete()
    assert unjudged_projects() == [judged.id]
    judge_project(str(judged.id))
    assert numbers(row_of(judged)) == before
    assert not judge_latest(judged.id)


def test_a_target_changes_neither_ratings_nor_runs(judged: Project) -> None:
    run = latest_run(judged.id)
    update_project(judged.id, target="top", target_value=0.9, top=4)
    assert recompute(judged.id) == run
    assert RatingRun.objects.count() == 1
    assert (row_of(judged).target, row_of(judged).k) == ("top", 4)


def test_while_comparisons_come_in_it_is_judged_at_each_fiftieth_more(
    judged: Project, sorted_images: list[Image], people: list[User]
) -> None:
    first = row_of(judged)
    judge(judged, sorted_images, people, 3, seed=1)
    recompute(judged.id)
    assert row_of(judged) == first
    assert unjudged_projects() == [judged.id], "a sweep does it once the log has come to rest"
    judge(judged, sorted_images, people, 3, seed=2)
    assert unjudged_projects() == [], "the log goes on"
    recompute(judged.id)
    assert row_of(judged).run.comparisons == 246
    assert [one.run.comparisons for one in curve(judged, first.criterion)] == [240, 246]


def test_of_many_runs_the_curve_shows_some_and_the_last(judged: Project) -> None:
    row = row_of(judged)
    for made in range(241, 400):
        run = RatingRun.objects.create(
            project=judged, method="trueskill", revision=made, comparisons=made, seconds=0
        )
        RunAccuracy.objects.create(run=run, criterion=row.criterion, **numbers(row))
    shown = [one.run.comparisons for one in curve(judged, row.criterion, most=20)]
    assert len(shown) <= 20
    assert shown == sorted(shown)
    assert shown[-1] == 399


def test_each_question_has_an_accuracy_of_its_own(
    alice: User, add_images: Callable[..., list[Image]]
) -> None:
    project = create_project(
        alice,
        name="Two",
        state=Project.State.OPEN,
        criteria=[{"key": "better", "question": "A?"}, {"key": "sharper", "question": "B?"}],
    )
    images = add_images(8, to=project)
    judge(project, images, [alice], 100, spread=3, criterion=project.criteria.get(key="better"))
    recompute(project.id)
    better, sharper = announced(project)
    assert (better.criterion.key, sharper.criterion.key) == ("better", "sharper")
    assert better.tau_low > 0.4
    assert sharper.tau == pytest.approx(0, abs=0.1)
    assert better.top is None, "no prompt has more than ten images"


def test_without_comparisons_nothing_is_announced(project: Project, images: list[Image]) -> None:
    recompute(project.id)
    assert announced(project) == []
    assert unjudged_projects() == []


def test_a_judgement_that_fails_costs_no_run(
    project: Project, sorted_images: list[Image], people: list[User], monkeypatch: Any
) -> None:
    def fail(*arguments: Any) -> None:
        raise ValueError("numerics")

    monkeypatch.setattr(accuracy_module, "_check", fail)
    judge(project, sorted_images, people, 60)
    run = recompute(project.id)
    assert latest_run(project.id) == run
    assert announced(project) == []


def test_where_no_other_world_comes_to_rest_the_ratings_speak_for_themselves(
    project: Project, sorted_images: list[Image], people: list[User], monkeypatch: Any
) -> None:
    from rating.algorithms import worlds

    def restless(*arguments: Any) -> None:
        raise NotConverged("never")

    monkeypatch.setattr(worlds, "likely_worlds", restless)
    judge(project, sorted_images, people, 60)
    recompute(project.id)
    assert row_of(project).tau_low < row_of(project).tau


# --- Pairs at random -------------------------------------------------------------------------------


def test_the_rows_of_random_pairs_are_found_in_the_log(
    project: Project, sorted_images: list[Image], people: list[User]
) -> None:
    judge(project, sorted_images, people, 60, strategy="adaptive", choose=neighbours)
    judge(project, sorted_images, people, 30, seed=5)
    log = read_log(project.id)
    flags = rows_at_random(log)
    columns = "left_id", "right_id", "annotator_id", "outcome"
    drawn = Comparison.objects.filter(assignment__strategy="random").values_list(*columns)
    (group,) = log.groups
    found = [
        (
            group.images[int(log.first[at])],
            group.images[int(log.second[at])],
            log.people[int(log.annotator[at])],
            "left" if log.label[at] > 0 else "right",
        )
        for at in np.flatnonzero(flags)
    ]
    assert sorted(found) == sorted(drawn)


def test_random_pairs_that_contradict_the_model_are_told_and_lower_the_estimate(
    project: Project,
    add_images: Callable[..., list[Image]],
    people: list[User],
    alice: User,
    rita: User,
) -> None:
    images, crowd = add_images(16), [*people, alice, rita]
    judge(project, images, crowd, 600, strategy="adaptive", choose=neighbours, spread=3, seed=1)
    judge(project, images, crowd, 120, mistakes=0.4, spread=3, seed=2)
    recompute(project.id)
    row = row_of(project)
    assert row.random_pairs is not None
    assert row.random_pairs["disagrees"]
    assert row.random_pairs["seen"] < row.random_pairs["promised"]
    page = logged_in(alice).get(reverse("dashboard", args=[project.id])).content.decode()
    promised, seen = (round(100 * row.random_pairs[name]) for name in ("promised", "seen"))
    assert f"The model promises {promised} %, the random pairs show {seen} ±" in page
    assert "the estimate is lowered" in page


# --- Closing at the target -------------------------------------------------------------------------


@pytest.fixture
def at_the_target(judged: Project, settings: Any, alice: User) -> Project:
    """A project that closes itself with the next recompute."""
    settings.WEBHOOK_TARGETS = ["hooks.example.org"]
    create_webhook(judged, alice, "https://hooks.example.org/", ["project.state_changed"])
    update_project(judged.id, target="tau", target_value=0.5, close_at_target=True)
    return judged


def state_of(project: Project) -> str:
    project.refresh_from_db()
    return project.state


def test_a_project_closes_itself_when_even_the_lower_end_is_at_the_target(
    at_the_target: Project,
) -> None:
    recompute(at_the_target.id)
    assert state_of(at_the_target) == "closed"
    closing = Closing.objects.get()
    assert closing.run == latest_run(at_the_target.id)
    assert "0.5 was wanted" in closing.why
    (told,) = Delivery.objects.values_list("payload", flat=True)
    assert told["data"] == {
        "project": str(at_the_target.id),
        "state": "closed",
        "before": "open",
        "by": "target",
        "why": closing.why,
    }


def test_a_project_that_is_not_to_close_itself_stays_open(judged: Project) -> None:
    update_project(judged.id, target="tau", target_value=0.5)
    recompute(judged.id)
    assert row_of(judged).reached
    assert state_of(judged) == "open"
    update_project(judged.id, close_at_target=True)
    recompute(judged.id)
    assert state_of(judged) == "closed", "already reached, it closes as soon as it may"


def test_an_estimate_at_the_target_is_not_enough(judged: Project) -> None:
    row = row_of(judged)
    between = (row.tau_low + row.tau) / 2
    update_project(judged.id, target="tau", target_value=between, close_at_target=True)
    recompute(judged.id)
    assert not row_of(judged).reached
    assert row_of(judged).forecast is not None
    assert state_of(judged) == "open"


def test_every_question_must_have_reached_it(
    at_the_target: Project, sorted_images: list[Image]
) -> None:
    Criterion.objects.create(project=at_the_target, key="sharper", question="Sharper?", position=1)
    recompute(at_the_target.id)
    assert len(announced(at_the_target)) == 2
    assert state_of(at_the_target) == "open"


def test_a_project_that_is_paused_is_not_closed(at_the_target: Project) -> None:
    update_project(at_the_target.id, state="paused")
    recompute(at_the_target.id)
    assert state_of(at_the_target) == "paused"
    update_project(at_the_target.id, state="open")
    recompute(at_the_target.id)
    assert state_of(at_the_target) == "closed"


def test_opened_again_it_stays_open_until_the_target_is_another(
    at_the_target: Project, sorted_images: list[Image], people: list[User]
) -> None:
    recompute(at_the_target.id)
    update_project(at_the_target.id, state="open")
    judge(at_the_target, sorted_images, people, 60, seed=3, spread=3)
    recompute(at_the_target.id)
    assert row_of(at_the_target).reached
    assert not close_if_reached(row_of(at_the_target).run)
    assert state_of(at_the_target) == "open"
    update_project(at_the_target.id, target_value=0.55)
    recompute(at_the_target.id)
    assert state_of(at_the_target) == "closed"
    assert Closing.objects.count() == 2
    update_project(at_the_target.id, state="open", target_value=0.5)
    recompute(at_the_target.id)
    assert state_of(at_the_target) == "open", (
        "of this one the manager has said that it is not enough"
    )


def test_a_top_that_comes_in_steps_is_reached_at_its_step() -> None:
    row = RunAccuracy(target="top", target_value=0.7, k=10, top=0.8, top_high=1.0)
    row.top_low = float(np.mean([0.8, 0.6, 0.7]))
    assert row.top_low < 0.7
    assert row.reached
    row.top_low = 0.69
    assert not row.reached


# --- Shown -----------------------------------------------------------------------------------------


def test_the_dashboard_says_in_words_how_far_the_project_is(
    judged: Project, rita: User, alice: User
) -> None:
    where = reverse("dashboard", args=[judged.id])
    page = logged_in(rita).get(where).content.decode()
    row = row_of(judged)
    assert f"{50 * (1 + row.tau):.0f} % (" in page
    assert "No target is set" in page
    assert "Set a target" not in page, "reviewers set none"
    assert "They agree with the model" in page
    update_project(judged.id, target="tau", target_value=0.97, overlap=9)
    recompute(judged.id)
    page = logged_in(alice).get(where).content.decode()
    assert "Wanted:</strong> Kendall’s tau of 0.97" in page
    assert "further comparisons" in page
    assert "of people’s time at 2.0 seconds each" in page or "Aim lower" in page
    assert "Set a target" in page


def test_the_dashboard_says_why_a_project_closed_itself_and_how_to_go_on(
    at_the_target: Project, rita: User
) -> None:
    recompute(at_the_target.id)
    where = reverse("dashboard", args=[at_the_target.id])
    page = logged_in(rita).get(where).content.decode()
    assert "The project closed itself on" in page
    assert Closing.objects.get().why in page
    assert "open it again" in page
    update_project(at_the_target.id, state="open")
    assert "closed itself" not in logged_in(rita).get(where).content.decode()


def test_before_the_first_run_the_dashboard_says_when_there_will_be_an_estimate(
    project: Project, images: list[Image], rita: User
) -> None:
    page = logged_in(rita).get(reverse("dashboard", args=[project.id])).content.decode()
    assert "An estimate appears soon after the first comparisons." in page


def test_a_curve_is_drawn_from_the_second_run_on(
    judged: Project, sorted_images: list[Image], people: list[User], rita: User
) -> None:
    where = reverse("dashboard", args=[judged.id])
    assert "<polyline" not in logged_in(rita).get(where).content.decode()
    judge(judged, sorted_images, people, 60, seed=9, spread=3)
    recompute(judged.id)
    page = logged_in(rita).get(where)
    assert "<polyline" in page.content.decode()
    drawn = page.context["panels"][0].curve
    assert (drawn.first, drawn.last) == (240, 300)
    assert drawn.line.startswith("0.0,")


def test_the_api_tells_all_numbers(judged: Project, rita: User, bob: User) -> None:
    where = url("accuracy", project_id=judged.id)
    update_project(judged.id, target="tau", target_value=0.9)
    recompute(judged.id)
    told = as_user(rita).get(where).json()
    row = row_of(judged)
    assert told["run"]["id"] == str(row.run_id)
    assert (told["target"], told["target_value"], told["close_at_target"]) == ("tau", 0.9, False)
    (criterion,) = told["criteria"]
    assert criterion["tau"] == {"estimate": row.tau, "low": row.tau_low, "high": row.tau_high}
    assert criterion["random_pairs"] == row.random_pairs
    assert [point["comparisons"] for point in criterion["curve"]] == [240]
    if row.forecast and row.forecast["votes"]:
        hours = row.forecast["votes"] * 2.001 / 3600
        assert criterion["forecast"]["hours"] == pytest.approx(hours)
    assert as_user(bob).get(where).status_code == 403


def test_the_api_answers_before_the_first_run(project: Project, rita: User) -> None:
    told = as_user(rita).get(url("accuracy", project_id=project.id)).json()
    assert (told["run"], told["criteria"], told["closed_by_itself"]) == (None, [], None)


def test_the_settings_take_a_target(project: Project, alice: User) -> None:
    changed = {"settings": {"target": "top", "target_value": 0.8, "close_at_target": True}}
    answer = as_user(alice).patch(url("project", project_id=project.id), changed, format="json")
    assert answer.status_code == 200, answer.json()
    assert (answer.json()["settings"]["target"], state_of(project)) == ("top", "open")
    assert project.close_at_target
    wrong = {"settings": {"target_value": 2}}
    refused = as_user(alice).patch(url("project", project_id=project.id), wrong, format="json")
    assert refused.status_code == 400
