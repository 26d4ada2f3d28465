"""The ranking and the dashboard."""

from typing import Any

import pytest
from django.urls import reverse

from annotation.models import Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.projects import create_project
from rating.algorithms.attention import FEWEST
from rating.algorithms.methods import METHODS
from rating.models import AnnotatorReliability, Export, RatingPlan, RatingRun, SetAside
from rating.services import choose_method, recompute, set_aside
from tests.conftest import membership
from tests.pages import compare_some, logged_in


def test_the_ranking_says_how_old_it_is_and_what_it_lacks(project, images, bob, rita):
    client, url = logged_in(rita), reverse("ranking", args=[project.id])
    assert "soon after the first comparisons" in client.get(url).content.decode()
    compare_some(project, bob)
    recompute(project.id)
    page = client.get(url).content.decode()
    assert "1 comparison ·" in page
    assert "newer comparisons" not in page
    compare_some(project, bob)
    assert "newer comparisons are not in it yet" in client.get(url).content.decode()


def test_the_ranking_renews_its_lines_only_for_a_new_run(project, images, bob, rita):
    client, url = logged_in(rita), reverse("ranking", args=[project.id])
    compare_some(project, bob)
    run = recompute(project.id)
    assert run is not None
    asking = {"HX-Request": "true"}
    same = client.get(url, {"shown": str(run.id)}, headers=asking).content.decode()
    assert "ranking-status" in same
    assert "ranking-lines" not in same
    compare_some(project, bob)
    recompute(project.id)
    newer = client.get(url, {"shown": str(run.id)}, headers=asking).content.decode()
    assert 'hx-swap-oob="true"' in newer
    assert images[0].name in newer


def test_a_poll_after_the_session_has_ended_loads_the_whole_page_again(client, project):
    url = reverse("ranking", args=[project.id])
    response = client.get(url, headers={"HX-Request": "true"}, follow=True)
    assert response["HX-Refresh"] == "true"
    assert b"form" not in response.content


def test_the_ranking_is_by_prompt_and_by_criterion(alice, add_images):
    keys = ("better", "sharper")
    project = create_project(
        alice,
        name="Two",
        state="open",
        criteria=[{"key": key, "question": f"{key}?"} for key in keys],
    )
    add_images(3, to=project, prompt="a cat")
    add_images(3, to=project, prompt="a dog")
    compare_some(project, alice, 4)
    recompute(project.id)
    client, url = logged_in(alice), reverse("ranking", args=[project.id])
    page = client.get(url, {"criterion": "sharper"}).content.decode()
    assert page.index("a cat") < page.index("a dog")
    assert "sharper?" in page
    assert client.get(url, {"criterion": "none"}).status_code == 404
    for number in ("0", "99", "x"):
        assert client.get(url, {"page": number}).status_code == 200


def test_the_dashboard_shows_counts_to_reviewers_and_actions_to_managers(
    project, images, bob, alice, rita
):
    compare_some(project, bob, 3)
    recompute(project.id)
    url = reverse("dashboard", args=[project.id])
    page = logged_in(alice).get(url)
    assert page.context["progress"].judged == 3
    assert page.context["people"][0]["username"] == "bob"
    assert page.context["people"][0]["mean_seconds"] == 1.5
    assert "Pause the project" in page.content.decode()
    assert "Exports" in page.content.decode()
    seen = logged_in(rita).get(url).content.decode()
    assert "Pause the project" not in seen
    assert "Exports" not in seen


def test_a_manager_asks_for_an_export(project, images, alice):
    client, url = logged_in(alice), reverse("exports", args=[project.id])
    client.post(url, {"format": "pairs", "file": "jsonl", "images": "urls"})
    export = Export.objects.get()
    assert (export.format, export.options, export.created_by) == (
        "pairs",
        {"images": "urls"},
        alice,
    )
    assert "every 2s" in client.get(url).content.decode()
    Export.objects.update(status="done", rows=2, bytes=100, sha256="ab" * 32)
    done = client.get(url).content.decode()
    assert "every 2s" not in done
    assert f"/api/v1/exports/{export.id}/download/" in done


@pytest.mark.parametrize("wrong", [{"format": "none"}, {"format": "pairs", "x": "y"}, {}])
def test_an_export_that_cannot_be_is_refused_in_words(project, alice, wrong):
    response = logged_in(alice).post(reverse("exports", args=[project.id]), wrong, follow=True)
    assert response.status_code == 200
    assert [message.level_tag for message in response.context["messages"]] == ["error"]
    assert not Export.objects.exists()


# --- Groups -------------------------------------------------------------------------------------------


def test_the_ranking_says_which_images_were_never_compared_with_each_other(
    alice, bob, project, add_images
):
    cats, dogs = add_images(4, prompt="a cat"), add_images(3, prompt="a dog")
    client, url = logged_in(alice), reverse("ranking", args=[project.id])
    compare(project, alice, cats[:2], cats[2:])
    recompute(project.id)
    cat, dog = client.get(url).context["sections"]
    assert (cat.prompt.text, cat.groups, cat.compared) == ("a cat", 2, True)
    assert sorted(line.rating.group for line in cat.lines) == [1, 1, 2, 2]
    assert (dog.prompt.text, dog.compared) == ("a dog", False)
    page = client.get(url).content.decode()
    assert page.count("fall into 2 groups that were never compared with each other") == 1
    assert page.count(">Group</th>") == 1
    assert page.count("None of these images has been compared yet") == 1
    compare(project, bob, cats[1:3], dogs[:2], dogs[1:])
    recompute(project.id)
    page = client.get(url).content.decode()
    assert "never compared" not in page
    assert ">Group</th>" not in page


def test_the_groups_of_a_long_prompt_are_counted_on_every_page(
    alice, project, add_images, monkeypatch
):
    monkeypatch.setattr("rating.views.ranking.PAGE_SIZE", 2)
    pictures = add_images(5)
    compare(project, alice, pictures[:2])
    recompute(project.id)
    for number in (1, 2, 3):
        page = logged_in(alice).get(reverse("ranking", args=[project.id]), {"page": number})
        assert "fall into 4 groups" in page.content.decode()


def test_the_ranking_names_its_method_and_what_its_intervals_are(project, images, bob, rita):
    client, url = logged_in(rita), reverse("ranking", args=[project.id])
    compare_some(project, bob)
    recompute(project.id)
    page = client.get(url).content.decode()
    assert METHODS[RatingPlan.DEFAULT].title in page
    assert f"· {RatingPlan.DEFAULT}" not in page
    assert "its 95 % interval, from the joint posterior" in page
    choose_method(project.id, "trueskill_online")
    recompute(project.id)
    page = client.get(url).content.decode()
    assert METHODS["trueskill_online"].title in page
    assert "this method has no joint posterior" in page
    RatingRun.objects.update(method="one of long ago")
    assert "one of long ago" in client.get(url).content.decode()


# --- People -------------------------------------------------------------------------------------------


def test_the_dashboard_says_how_each_person_sees(project, images, bob, carol, rita):
    client = logged_in(rita)
    before = client.get(reverse("dashboard", args=[project.id])).content.decode()
    assert "Sharpness" not in before
    compare_some(project, bob, 3)
    compare_some(project, carol, 2)
    run = recompute(project.id)
    assert set(run.annotators.values_list("annotator__username", flat=True)) == {"bob", "carol"}
    known(run, bob, 0.92, (0.71, 1.10), (-0.2, 0.4), spammer=0.02)
    known(run, carol, -0.001, (-0.3, 0.2), (0.6, 1.4), spammer=0.97)
    assert not row_of(client, project, carol).suspect, "of two comparisons nothing is said"
    assert row_of(client, project, carol).few
    assert "may not be looking" not in text_of(client, project)
    run.annotators.update(comparisons=FEWEST)
    assert "1 sees like most, 0 clicks at random, below 0 answers in reverse" in text_of(
        client, project
    )
    bobs, carols = row_of(client, project, bob), row_of(client, project, carol)
    assert (bobs.sharpness.value, bobs.sharpness.interval) == ("0.92", "0.71–1.10")
    assert bobs.side_bias.interval == "−0.20 to 0.40"
    assert not bobs.suspect
    assert (carols.sharpness.value, carols.sharpness.interval) == ("0.00", "−0.30 to 0.20")
    assert carols.suspect
    assert carols.whisker.low == 0, "both on one scale, from the lowest end to the highest"
    assert bobs.whisker.high == 100
    assert row_of(client, project, rita) is None
    assert not carols.few
    assert text_of(client, project).count("may not be looking") == 1


def test_a_manager_sets_a_person_aside_and_takes_them_back(project, images, alice, bob, carol):
    compare_some(project, bob, 3)
    compare_some(project, carol, 2)
    assert recompute(project.id).comparisons == 5
    client = logged_in(alice)
    response = client.post(
        reverse("set_aside", args=[project.id, bob.id]), {"reason": "<b>drunk</b>"}, follow=True
    )
    assert "Set aside." in response.content.decode()
    aside = SetAside.objects.get()
    assert (aside.annotator, aside.created_by, aside.reason) == (bob, alice, "<b>drunk</b>")
    page = text_of(client, project)
    assert page.count('<span class="tag">set aside</span>') == 1
    assert "&lt;b&gt;drunk&lt;/b&gt;" in page
    assert page.count("Take back") == 1
    run = recompute(project.id)
    assert run.comparisons == 2
    assert row_of(client, project, bob) is None, "the run without them knows nothing of them"
    client.post(reverse("take_back", args=[project.id, bob.id]))
    assert not SetAside.objects.exists()
    assert recompute(project.id).comparisons == 5
    page = text_of(client, project)
    assert "Take back" not in page
    people = page.count('<summary class="small" aria-label="Set')
    assert people == 2, "one for each who compared"


def test_who_compared_nothing_is_not_set_aside_and_a_long_reason_is_refused(
    project, images, alice, bob, dave
):
    client = logged_in(alice)
    for person in (bob, dave):
        response = client.post(reverse("set_aside", args=[project.id, person.id]), follow=True)
        assert "compared nothing" in response.content.decode()
    compare_some(project, bob)
    url = reverse("set_aside", args=[project.id, bob.id])
    response = client.post(url, {"reason": "x" * 301}, follow=True)
    assert "up to 300 characters" in response.content.decode()
    assert not SetAside.objects.exists()


def test_a_manager_chooses_the_method_by_its_title(project, images, alice, bob, rita):
    compare_some(project, bob)
    recompute(project.id)
    client, url = logged_in(alice), reverse("choose_method", args=[project.id])
    for method in METHODS.values():
        assert f">{method.title}</option>" in text_of(client, project)
    assert "Chosen." in client.post(url, {"method": "bradley_terry"}, follow=True).content.decode()
    assert RatingPlan.objects.get().method == "bradley_terry"
    assert '<option value="bradley_terry" selected>' in text_of(client, project)
    assert recompute(project.id).method == "bradley_terry"
    page = text_of(logged_in(rita), project)
    assert "Bradley–Terry" in page
    assert "Sharpness" not in page, "this method knows nothing of people"
    for wrong in ({"method": "none"}, {}):
        response = client.post(url, wrong, follow=True)
        assert [message.level_tag for message in response.context["messages"]] == ["error"]
    assert RatingPlan.objects.get().method == "bradley_terry"


def test_reviewers_see_who_is_set_aside_and_only_managers_decide(
    client, project, images, alice, bob, rita, dave
):
    compare_some(project, bob, 2)
    set_aside(project, bob.id, alice, "as agreed")
    recompute(project.id)
    page = text_of(logged_in(rita), project)
    assert "set aside" in page
    assert "as agreed" in page
    assert "Take back" not in page
    assert 'name="method"' not in page
    actions = [
        reverse("take_back", args=[project.id, bob.id]),
        reverse("set_aside", args=[project.id, bob.id]),
        reverse("choose_method", args=[project.id]),
    ]
    for url in actions:
        for person, status in ((rita, 403), (bob, 403), (dave, 404)):
            sent = logged_in(person).post(url, {"method": "trueskill", "reason": "no"})
            assert sent.status_code == status
        assert client.post(url)["Location"].startswith(reverse("account_login"))
        assert logged_in(alice).get(url).status_code == 405
        assert logged_in(alice, enforce_csrf_checks=True).post(url).status_code == 403
    assert SetAside.objects.get().reason == "as agreed"
    assert not RatingPlan.objects.exists()


def compare(project: Project, user: User, *pairs: Any) -> None:
    """This person judges just these pairs, and skips every other one."""
    wanted = {frozenset(image.id for image in pair) for pair in pairs}
    while offered := open_assignments(membership(project, user)).assignments:
        pair = frozenset((offered[0].left_id, offered[0].right_id))
        outcome = Outcome.LEFT if pair in wanted else Outcome.SKIP
        record_comparison(user, offered[0].id, outcome)


def known(
    run: RatingRun, user: User, sharpness: float, ends: Any, side: Any, spammer: float
) -> None:
    AnnotatorReliability.objects.filter(run=run, annotator=user).update(
        sharpness=sharpness,
        sharpness_low=ends[0],
        sharpness_high=ends[1],
        side_bias=sum(side) / 2,
        side_bias_low=side[0],
        side_bias_high=side[1],
        spammer=spammer,
    )


def text_of(client: Any, project: Project) -> str:
    return client.get(reverse("dashboard", args=[project.id])).content.decode()


def row_of(client: Any, project: Project, user: User) -> Any:
    """How the dashboard says that this person sees."""
    people = client.get(reverse("dashboard", args=[project.id])).context["people"]
    return {person["username"]: person["seen"] for person in people}[user.username]
