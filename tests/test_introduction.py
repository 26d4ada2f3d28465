"""The introduction: examples, practice with feedback, and the way to the first pair."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from annotation.errors import Conflict, Invalid
from annotation.models import (
    Comparison,
    Example,
    Image,
    Membership,
    PracticeAnswer,
    Project,
    User,
)
from annotation.selectors import practice_of, sides
from annotation.services.examples import add_example, delete_example, move_example
from annotation.services.images import delete_image, update_image, update_images
from annotation.services.introduction import practise, start_comparing
from annotation.services.projects import update_project
from tests.conftest import membership
from tests.pages import compare_some, logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def example(project: Project, images: list[Image]) -> Callable[..., Example]:
    """`example(0, 1)`: the first image is better than the second."""

    def add(better: int, worse: int, **fields: Any) -> Example:
        criterion = project.criteria.get()
        return add_example(
            project, criterion, better=images[better].id, worse=images[worse].id, **fields
        )

    return add


# --- Examples ----------------------------------------------------------------------------------------


def test_an_example_is_of_two_images_of_one_prompt_of_the_project(project, images, add_images):
    (cat,) = add_images(1, prompt="a cat")
    criterion = project.criteria.get()
    for better, worse, said in (
        (images[0], images[0], "twice"),
        (images[0], cat, "not of one prompt"),
        (images[0], Image(), "no such image"),
    ):
        with pytest.raises(Invalid, match=said):
            add_example(project, criterion, better=better.id, worse=worse.id)
    assert not Example.objects.exists()


def test_a_manager_chooses_two_images_by_links_and_says_why(project, images, alice):
    client, url = logged_in(alice), reverse("examples", args=[project.id])
    first, second = images[:2]
    assert f"?better={first.id}" in client.get(url).content.decode()
    page = client.get(url, {"better": first.id, "q": "png"})
    assert f"better={first.id}&amp;q=png&amp;worse={second.id}" in page.content.decode()
    assert first not in page.context["images"].rows
    assert (
        "Add the example"
        in client.get(url, {"better": first.id, "worse": second.id}).content.decode()
    )
    sent = {
        "better": first.id,
        "worse": second.id,
        "criterion": project.criteria.get().id,
        "explanation": "The horizon is <level>.",
        "practice": "on",
    }
    added = client.post(url, sent, follow=True).content.decode()
    assert "The example is added." in added
    assert "The horizon is &lt;level&gt;." in added
    made = Example.objects.get()
    assert (made.better, made.worse, made.practice) == (first, second, True)
    client.post(
        reverse("change_example", args=[made.id]), {"explanation": "Level.", "practice": ""}
    )
    made.refresh_from_db()
    assert (made.explanation, made.practice) == ("Level.", False)
    client.post(reverse("delete_example", args=[made.id]))
    assert not Example.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"worse": "{better}"}, "the same one twice"),
        ({"worse": ""}, "Choose the worse image."),
        ({"better": "x"}, "Enter a valid UUID."),
        ({"better": "00000000-0000-4000-8000-000000000000"}, "There is no such image"),
        ({"criterion": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_with_an_example_is_said(project, images, alice, wrong, said):
    sent = {
        "better": str(images[0].id),
        "worse": str(images[1].id),
        "criterion": str(project.criteria.get().id),
    }
    sent |= {name: value.format(**sent) for name, value in wrong.items()}
    page = logged_in(alice).post(reverse("examples", args=[project.id]), sent)
    assert page.status_code == 200
    assert said in " ".join(
        error for errors in page.context["form"].errors.values() for error in errors
    )
    assert not Example.objects.exists()


def test_examples_are_put_in_another_order_among_their_like(project, example):
    a, practised, b, c = (
        example(0, 1),
        example(0, 2, practice=True),
        example(1, 2),
        example(2, 3),
    )
    move_example(c, up=True)
    move_example(a, up=True)
    move_example(practised, up=False)
    shown = project.examples.filter(practice=False)
    assert list(shown) == [a, c, b]
    move_example(a, up=False)
    assert list(shown.all()) == [c, a, b]


def test_an_image_of_an_example_may_be_excluded_but_not_deleted_nor_parted(
    project, images, example
):
    one = example(0, 1)
    with pytest.raises(Conflict, match="Delete the example first"):
        delete_image(images[1])
    update_image(images[0], excluded=True)
    with pytest.raises(Conflict, match="no longer be of one prompt"):
        update_image(images[0], prompt="a cat")
    both = Image.objects.filter(id__in=[images[0].id, images[1].id])
    update_images(project, both, prompt="a cat")
    delete_example(one)
    delete_image(images[1])


def test_a_question_with_examples_stays(project, example):
    example(0, 1)
    with pytest.raises(Conflict, match="has examples"):
        update_project(project.id, criteria=[{"key": "sharper", "question": "Which is sharper?"}])


# --- Practice ----------------------------------------------------------------------------------------


def test_the_first_pair_comes_after_the_introduction(project, images, example, bob):
    Project.objects.filter(id=project.id).update(instructions="Look at the horizon.")
    example(0, 1, explanation="Its colours are true.")
    client = logged_in(bob)
    compare, introduction = (
        reverse(name, args=[project.id]) for name in ("compare", "introduction")
    )
    assert client.get(compare)["Location"] == introduction
    page = client.get(introduction).content.decode()
    assert "Look at the horizon." in page
    assert "Its colours are true." in page
    assert not re.search(rf"\b{re.escape(images[0].name)}", page)
    started = client.post(reverse("start_comparing", args=[project.id]))
    assert started["Location"] == compare
    page = client.get(compare).content.decode()
    assert introduction in page
    began = membership(project, bob).introduced_at
    client.post(reverse("start_comparing", args=[project.id]))
    assert membership(project, bob).introduced_at == began


def test_whoever_has_compared_is_not_sent_to_an_introduction_that_was_written_later(
    project, images, bob
):
    compare_some(project, bob)
    Project.objects.filter(id=project.id).update(instructions="Look at the horizon.")
    assert logged_in(bob).get(reverse("compare", args=[project.id])).status_code == 200


def test_instructions_of_spaces_are_none(project, images, bob):
    Project.objects.filter(id=project.id).update(instructions=" \n")
    assert logged_in(bob).get(reverse("compare", args=[project.id])).status_code == 200


def test_pairs_are_practised_one_after_another_with_feedback(project, images, example, bob, alice):
    pairs = [
        example(0, 1, practice=True, explanation="The first is sharper."),
        example(2, 3, practice=True, explanation="The third is sharper."),
    ]
    client = logged_in(bob)
    introduction, answer, start = (
        reverse(name, args=[project.id]) for name in ("introduction", "practise", "start_comparing")
    )

    def chooses(image: Image, pair: Example) -> str:
        sent = {"example": pair.id, "chosen": image.id, "round": 1}
        return client.post(answer, sent, follow=True).content.decode()

    page = client.get(introduction).content.decode()
    assert "1 of 2" in page
    assert "is sharper" not in page
    assert client.get(introduction).content.decode().count("Start comparing") == 0
    refused = client.post(start, follow=True).content.decode()
    assert "First practise the pairs" in refused
    page = chooses(images[1], pairs[0])
    assert "Not quite." in page
    assert "The first is sharper." in page
    assert "Right." in chooses(images[0], pairs[0]) or "Not quite." in chooses(images[0], pairs[0])
    assert PracticeAnswer.objects.get().right is False, "the first answer counts"
    assert "2 of 2" in client.get(introduction).content.decode()
    page = chooses(images[2], pairs[1])
    assert "Right." in page
    assert "1 of 2 right" in page
    assert client.post(start)["Location"] == reverse("compare", args=[project.id])
    assert not Comparison.objects.exists()
    members = logged_in(alice).get(reverse("members", args=[project.id])).content.decode()
    assert "1 of 2 right" in members


def test_practising_again_is_another_round(project, images, example, bob):
    pair = example(0, 1, practice=True)
    bob_here = membership(project, bob)
    practise(bob_here, pair.id, images[1].id)
    assert practice_of(bob_here).done
    again = practice_of(bob_here, again=True)
    assert (again.round, again.left) == (2, [pair])
    practise(bob_here, pair.id, images[0].id, round=2)
    latest = practice_of(bob_here)
    assert (latest.round, latest.right, latest.done) == (2, 1, True)
    page = logged_in(bob).get(reverse("introduction", args=[project.id]), {"again": "1"})
    assert 'name="round" value="3"' in page.content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"round": 0},
        {"round": 3},
        {"round": "x"},
        {"chosen": "x"},
        {"chosen": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_a_practice_answer_that_makes_no_sense_is_not_kept(project, images, example, bob, wrong):
    pair = example(0, 1, practice=True)
    sent = {"example": pair.id, "chosen": images[0].id, "round": 1, **wrong}
    response = logged_in(bob).post(reverse("practise", args=[project.id]), sent, follow=True)
    assert response.status_code == 200
    assert 'class="messages"' in response.content.decode()
    assert not PracticeAnswer.objects.exists()


def test_only_pairs_to_practise_in_ones_own_project_are_practised(
    project, images, example, bob, dave
):
    shown, pair = example(0, 1), example(0, 1, practice=True)
    url = reverse("practise", args=[project.id])
    sent = {"example": shown.id, "chosen": images[0].id, "round": 1}
    assert logged_in(bob).post(url, sent).status_code == 404
    assert logged_in(dave).post(url, {**sent, "example": pair.id}).status_code == 404
    assert logged_in(dave).post(reverse("start_comparing", args=[project.id])).status_code == 404
    assert not PracticeAnswer.objects.exists()


def test_sides_are_by_chance_but_stay(project, images, example, bob: User, carol: User):
    pairs = [example(0, 1, practice=True) for _ in range(24)]
    people = [membership(project, user) for user in (bob, carol)]

    def lefts(person: Membership, round: int = 1) -> list[bool]:
        return [sides(person, pair, round)[0] == pair.better for pair in pairs]

    assert lefts(people[0]) == lefts(people[0])
    assert len({tuple(lefts(person, round)) for person in people for round in (1, 2)}) == 4


def test_without_pairs_to_practise_one_starts_at_once(project, bob):
    person = membership(project, bob)
    start_comparing(person)
    person.refresh_from_db()
    assert person.introduced_at is not None
