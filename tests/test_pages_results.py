"""The ranking and the dashboard."""

import pytest
from django.urls import reverse

from annotation.services.projects import create_project
from rating.models import Export
from rating.services import recompute
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
