"""One's own answers: to look at, and to undo."""

from typing import Any

import pytest
from django.urls import reverse

from annotation.models import Assignment, Comparison, Image, Outcome, Project, Screen, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from tests.conftest import membership
from tests.pages import compare_some, logged_in

pytestmark = pytest.mark.django_db


def answer(project: Project, user: User, outcome: Outcome, **said: Any) -> Comparison:
    opened = open_assignments(membership(project, user)).assignments[0]
    return record_comparison(user, opened.id, outcome, **said)[0]


def test_ones_own_answers_are_there_as_they_were_shown_the_latest_first(
    project: Project, images: list[Image], bob: User, carol: User
) -> None:
    first = answer(project, bob, Outcome.RIGHT, strength=2, reason="The <hands>.")
    answer(project, bob, Outcome.TIE)
    answer(project, bob, Outcome.SKIP)
    other = answer(project, carol, Outcome.LEFT)
    page = logged_in(bob).get(reverse("history", args=[project.id]))
    rows = page.context["rows"]
    assert [row.outcome for row in rows] == ["Skipped", "Tie", "Right is better"]
    left, right = rows[2].pictures
    assert (left.image, left.chosen) == (first.left, False)
    assert (right.image, right.chosen, right.place) == (first.right, True, "Better")
    text = page.content.decode()
    assert "clearly" in text
    assert "The &lt;hands&gt;." in text
    assert first.left is not None
    assert first.left.name not in text
    assert str(other.id) not in text


def test_an_order_shows_the_place_of_each_image(project, images, bob):
    Project.objects.filter(id=project.id).update(screen=Screen.ORDER, screen_size=3)
    opened = open_assignments(membership(project, bob)).assignments[0]
    assert opened.shown is not None
    best_last = [[id] for id in reversed(opened.shown)]
    record_comparison(bob, opened.id, Outcome.ORDERED, levels=best_last)
    (row,) = logged_in(bob).get(reverse("history", args=[project.id])).context["rows"]
    assert [str(one.image.id) for one in row.pictures] == opened.shown
    assert [(one.place, one.chosen) for one in row.pictures] == [
        ("3", False),
        ("2", False),
        ("1", True),
    ]
    assert row.outcome == "Put in order"


def test_long_histories_come_in_pages(project, images, bob, monkeypatch):
    monkeypatch.setattr("annotation.api.pagination.PAGE_SIZE", 2)
    made = compare_some(project, bob, 3)
    client = logged_in(bob)
    first = client.get(reverse("history", args=[project.id]))
    assert [row.comparison for row in first.context["rows"]] == [made[2], made[1]]
    second = client.get(first.context["found"].next)
    assert [row.comparison for row in second.context["rows"]] == [made[0]]


def test_an_answer_is_undone_by_its_button_and_the_pair_comes_again(project, images, bob):
    made = compare_some(project, bob, 2)
    client, history = logged_in(bob), reverse("history", args=[project.id])
    undo = reverse("undo_comparison", args=[project.id, made[0].id])
    back = client.post(undo, {"next": f"{history}?page_size=7"}, follow=True)
    assert back.redirect_chain[0][0] == f"{history}?page_size=7"
    assert "shown to you again" in back.content.decode()
    assert [row.comparison for row in back.context["rows"]] == [made[1]]
    again = open_assignments(membership(project, bob)).assignments[0]
    assert again.replaces_id == made[0].assignment_id
    client.post(undo)
    assert Assignment.objects.filter(replaces=made[0].assignment).count() == 1
    assert client.get(undo).status_code == 405


def test_nobody_undoes_the_answers_of_others_here(project, images, bob, carol, alice, dave):
    (made,) = compare_some(project, bob)
    undo = reverse("undo_comparison", args=[project.id, made.id])
    assert [logged_in(user).post(undo).status_code for user in (carol, alice, dave)] == [404] * 3
    made.refresh_from_db()
    assert made.retracted_at is None


def test_the_way_to_ones_answers_is_on_the_compare_page_and_among_the_projects(
    project, images, bob
):
    client, history = logged_in(bob), reverse("history", args=[project.id])
    assert history not in client.get(reverse("projects")).content.decode()
    compare_some(project, bob)
    assert history in client.get(reverse("projects")).content.decode()
    assert (
        f'id="history-link" href="{history}"'
        in client.get(reverse("compare", args=[project.id])).content.decode()
    )
