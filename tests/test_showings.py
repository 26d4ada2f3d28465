"""What annotators must not learn: which image they see, which pairs are checks, and how they are checked."""

import hashlib
import io
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from typing import Any
from uuid import UUID

import PIL.Image
import pytest
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from annotation import checks, images
from annotation.access import shown_image_for
from annotation.models import Assignment, Image, Outcome, Project, Purpose, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.derivatives import make_derivatives
from annotation.services.examples import add_example
from annotation.services.images import add_image, update_image
from annotation.services.members import remove_member
from annotation.services.projects import update_project
from annotation.showings import ids_of
from tests.api import as_user, url
from tests.conftest import membership, picture
from tests.pages import logged_in

pytestmark = pytest.mark.django_db

AddImages = Callable[..., list[Image]]
CHROMIUM = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def asked(user: User, project: Project, count: int = 1) -> list[Any]:
    where = url("assignments", project_id=project.id)
    rows: list[Any] = as_user(user).post(where, {"count": count}).json()["results"]
    return rows


def own_ids(project: Project) -> set[str]:
    return {str(id) for id in project.images.values_list("id", flat=True)}


# --- Ids ---------------------------------------------------------------------------------------------


def test_an_image_has_another_id_each_time_that_an_annotator_is_shown_it(
    project: Project, images: list[Image], bob: User
) -> None:
    rows = asked(bob, project, 5)
    shown = [row[side]["id"] for row in rows for side in ("left", "right")]
    assert len(set(shown)) == 10 > len(images)
    assert not set(shown) & own_ids(project)
    for row in rows:
        assignment = Assignment.objects.get(id=row["id"])
        for side in ("left", "right"):
            assert row[side]["image"] == f"/images/{row[side]['id']}/"
            image = shown_image_for(bob, UUID(row[side]["id"]))
            assert image.id == getattr(assignment, f"{side}_id")


def test_reviewers_and_managers_know_images_by_their_own_ids(
    project: Project, images: list[Image], rita: User, alice: User
) -> None:
    for user in (rita, alice):
        client = as_user(user)
        (row,) = asked(user, project)
        assert {row[side]["id"] for side in ("left", "right")} <= own_ids(project)
        made = client.post(url("comparisons"), {"assignment": row["id"], "outcome": "left"}).json()
        (line,) = client.get(url("history", project_id=project.id)).json()["results"]
        assert [made["left"], line["left"]] == [row["left"]["id"], row["left"]]
        page = logged_in(user).get(reverse("history", args=[project.id])).content.decode()
        assert row["left"]["image"] in page


def test_a_showings_address_works_for_the_person_it_was_shown_to_alone(
    project: Project, images: list[Image], bob: User, carol: User, alice: User, dave: User
) -> None:
    """Whatever became of the assignment: what is on the screen stays there."""
    (row,) = asked(bob, project)
    where = row["left"]["image"]
    assert as_user(bob).get(where).status_code == 200
    for user in (carol, alice, dave):
        assert as_user(user).get(where).status_code == 404
    assert APIClient().get(where)["Location"].startswith(reverse("account_login"))
    Assignment.objects.update(expires_at=timezone.now(), state=Assignment.State.RELEASED)
    assert as_user(bob).get(where).status_code == 200
    update_image(Assignment.objects.get().left, excluded=True)
    assert as_user(bob).get(where).status_code == 200
    remove_member(project, bob.id)
    assert as_user(bob).get(where).status_code == 404


def test_an_annotator_finds_no_image_by_its_own_id(
    project: Project, images: list[Image], bob: User, rita: User
) -> None:
    """Not even one that they were shown, or that they know from when they managed the project."""
    asked(bob, project, 5)
    for image in images:
        where = reverse("image", args=[image.id])
        assert as_user(bob).get(where).status_code == 404
        assert as_user(rita).get(where).status_code == 200


def test_a_place_that_shows_nothing_is_not_there(
    project: Project, images: list[Image], bob: User
) -> None:
    id = UUID(asked(bob, project)[0]["id"])
    for digit in "0123456789abcdef":
        place = UUID(f"{id.hex[:12]}{digit}{id.hex[13:]}")
        if digit in "01":
            assert shown_image_for(bob, place) in images
        else:
            with pytest.raises(Http404):
                shown_image_for(bob, place)


def test_what_was_undone_is_shown_again_as_it_was(
    project: Project, images: list[Image], bob: User
) -> None:
    (row,) = asked(bob, project)
    client = as_user(bob)
    for _ in range(2):
        answer = {"assignment": row["id"], "outcome": "left"}
        made = client.post(url("comparisons"), answer).json()
        client.delete(url("comparison", comparison_id=made["id"]))
        (again,) = asked(bob, project)
        assert again["id"] != row["id"]
        assert (again["left"], again["right"]) == (row["left"], row["right"])
        row = again


def test_questions_that_are_asked_together_are_about_one_showing(
    project: Project, images: list[Image], bob: User, carol: User
) -> None:
    """So that a browser loads the pictures once."""
    criteria = [{"key": "better"}, {"key": "sharper"}]
    update_project(project.id, criteria=criteria, criteria_together=True, gold_share=0, overlap=2)
    rows = asked(bob, project, 2)
    shown = Counter(row["left"]["id"] for row in rows)
    assert sorted(shown.values()) == [2, 2]
    for row in rows:
        assert shown_image_for(bob, UUID(row["left"]["id"])) in images
    theirs = {row["left"]["id"] for row in asked(carol, project, 2)}
    assert not theirs & set(shown)


def test_a_refusal_of_levels_names_no_image_that_the_annotator_does_not_know(
    project: Project, images: list[Image], bob: User
) -> None:
    Project.objects.filter(id=project.id).update(screen="order", screen_size=4)
    (row,) = asked(bob, project)
    one, two, three, four = (image["id"] for image in row["images"])
    for levels in (
        [[one], [two], [three]],
        [[one], [one], [two], [three]],
        [[one, two, three, four], [one]],
    ):
        body = {"assignment": row["id"], "outcome": "ordered", "levels": levels}
        refused = as_user(bob).post(url("comparisons"), body, format="json")
        assert refused.status_code == 400
        assert not set(UUIDS.findall(refused.content.decode())) & own_ids(project)


def test_an_answer_that_waited_since_before_showings_had_ids_is_taken(
    project: Project, images: list[Image], bob: User
) -> None:
    """It names the images by their own ids; nothing that people have chosen is lost."""
    Project.objects.filter(id=project.id).update(screen="order", screen_size=4)
    (row,) = asked(bob, project)
    levels = [[id] for id in Assignment.objects.get().shown or ()]
    body = {"assignment": row["id"], "outcome": "ordered", "levels": levels}
    made = as_user(bob).post(url("comparisons"), body, format="json")
    assert made.status_code == 201
    assert made.json()["levels"] == [[image["id"]] for image in row["images"]]


def test_examples_name_their_images_by_ids_of_their_own_that_do_not_tell_the_better_one(
    project: Project, add_images: AddImages, bob: User, carol: User, dave: User
) -> None:
    shown = add_images(12, prompt="a cat")
    update_image(shown[0], reference=True)
    first = []
    for better, worse in pairwise(shown[2:]):
        example = add_example(
            project, project.criteria.get(), better=better.id, worse=worse.id, practice=False
        )
        first.append(
            sorted(ids_of(example), key=lambda id: ids_of(example)[id])[0] == str(better.id)
        )
    assert len(set(first)) == 2
    add_example(
        project, project.criteria.get(), better=shown[2].id, worse=shown[4].id, practice=True
    )
    page = logged_in(bob).get(reverse("introduction", args=[project.id])).content.decode()
    assert not set(UUIDS.findall(page)) & own_ids(project)
    addresses = set(re.findall(r'src="(/images/[^"?]+)', page))
    assert len(addresses) == 10 * 3, "two images and their reference"
    for where in addresses:
        assert logged_in(carol).get(where).status_code == 200, "it is shown to all"
        assert logged_in(dave).get(where).status_code == 404
    one, two = re.findall(r'name="chosen" value="([^"]+)"', page)
    example_id = re.search(r'name="example" value="([^"]+)"', page)
    assert example_id is not None
    chosen = str(ids_of(project.examples.get(practice=True))[str(shown[2].id)])
    assert chosen in (one, two)
    body = {"example": example_id[1], "chosen": chosen, "round": 1}
    said = logged_in(bob).post(reverse("practise", args=[project.id]), body, follow=True)
    assert "Right." in said.content.decode()


def test_no_page_of_an_annotator_names_an_image_by_its_own_id(
    project: Project, images: list[Image], bob: User
) -> None:
    for _ in range(3):
        shown = open_assignments(membership(project, bob)).assignments[0]
        record_comparison(bob, shown.id, Outcome.LEFT)
    client = logged_in(bob)
    for name in ("compare", "history", "introduction"):
        page = client.get(reverse(name, args=[project.id])).content.decode()
        assert not set(UUIDS.findall(page)) & own_ids(project), name
    page = client.get(reverse("history", args=[project.id])).content.decode()
    addresses = re.findall(r'src="(/images/[^"]+)"', page)
    assert len(set(addresses)) == 6
    assert {client.get(where).status_code for where in addresses} == {200}


# --- What is around the pixels -----------------------------------------------------------------------


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_what_is_appended_to_a_picture_is_another_each_time_and_changes_no_pixel(
    format: str,
) -> None:
    content = io.BytesIO()
    PIL.Image.effect_noise((64, 48), 60).convert("RGB").save(content, format)
    plain = content.getvalue()
    longer = [images.padded(plain, format.lower(), f"showing {n}") for n in range(50)]
    assert len({len(one) for one in longer}) > 45
    assert images.padded(plain, format.lower(), "showing 1") == longer[1]
    seen = PIL.Image.open(io.BytesIO(plain)).tobytes()
    for one in longer[:5]:
        assert PIL.Image.open(io.BytesIO(one)).tobytes() == seen


def encoded(shade: int, format: str, size: tuple[int, int] = (300, 200)) -> bytes:
    made = PIL.Image.effect_noise(size, 40).convert("RGB")
    made.paste((shade, 0, 0), (0, 0, 40, 40))
    content = io.BytesIO()
    made.save(content, format)
    return content.getvalue()


@pytest.mark.parametrize("accept", [CHROMIUM, "image/webp", "image/jpeg", "*/*"])
def test_the_whole_picture_does_not_tell_what_its_original_is(
    project: Project, bob: User, accept: str
) -> None:
    for format in ("PNG", "JPEG", "WEBP"):
        add_image(project, encoded(9, format), name=f"a.{format.lower()}")
    types = set()
    for row in asked(bob, project, 3):
        for side in ("left", "right"):
            got = as_user(bob).get(row[side]["image"], {"size": "full"}, headers={"accept": accept})
            shown = PIL.Image.open(io.BytesIO(got.getvalue()))
            types.add((got["Content-Type"], shown.format, shown.size))
    assert types == {("image/jpeg", "JPEG", (300, 200))}


def test_the_whole_of_a_large_picture_is_made_by_the_worker_and_tells_as_little(
    project: Project, bob: User
) -> None:
    for n in range(2):
        content = io.BytesIO()
        PIL.Image.new("RGB", (3_000, 40), (n, 80, 160)).save(content, "PNG")
        add_image(project, content.getvalue(), name=f"{n}.png")
    client, (row,) = as_user(bob), asked(bob, project)

    def ask() -> Any:
        return client.get(row["left"]["image"], {"size": "full"}, headers={"accept": CHROMIUM})

    not_yet = ask()
    assert (not_yet.status_code, not_yet["Retry-After"]) == (503, "5")
    make_derivatives(60)
    whole = ask()
    assert (whole.status_code, whole["Content-Type"]) == (200, "image/jpeg")
    assert PIL.Image.open(io.BytesIO(whole.getvalue())).size == (3_000, 40)


def test_no_picture_can_be_marked_by_the_format_in_which_it_is_asked_for(
    project: Project, bob: User
) -> None:
    """Once the worker has made them; what it has not, is made in the format that is quickest."""
    for n in range(2):
        images.derive(add_image(project, encoded(n, "PNG"), name=f"{n}.png"))
    client, (row,) = as_user(bob), asked(bob, project)

    def types() -> list[list[str]]:
        return [
            [
                client.get(row[side]["image"], {"size": size}, headers={"accept": accept})[
                    "Content-Type"
                ]
                for side in ("left", "right")
            ]
            for size in images.SIZES
            for accept in ("image/jpeg, image/webp;q=0.9", "*/*", CHROMIUM)
        ]

    before = types()
    for size in images.SIZES:
        for accept in ("image/jpeg", "image/webp"):
            client.get(row["left"]["image"], {"size": size}, headers={"accept": accept})
    assert types() == before
    assert all(left == right for left, right in before)


def test_a_showing_is_kept_by_its_browser_and_checked_by_its_mark(
    project: Project, images: list[Image], bob: User
) -> None:
    """What was fetched ahead is shown from the browser's cache."""
    (row,) = asked(bob, project)
    client, where = as_user(bob), row["left"]["image"]
    first, again = client.get(where), client.get(where)
    assert first["Cache-Control"] == "private, max-age=600"
    assert (first["ETag"], first.getvalue()) == (again["ETag"], again.getvalue())
    assert client.get(where, headers={"if-none-match": first["ETag"]}).status_code == 304


# --- An adversary ------------------------------------------------------------------------------------


def told(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """All that an answer says, each with where it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from told(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from told(inner, path)
    else:
        yield path, str(value)


class Adversary:
    """A script with an annotator's token, which keeps all that it is told of each assignment."""

    def __init__(self, project: Project, user: User) -> None:
        self.project, self.client = project, as_user(user)
        self.seen: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.sizes: dict[str, list[int]] = {}

    def look(self, row: Any) -> None:
        facts = self.seen[row["id"]]
        facts.update(told(row))
        lengths = []
        for side in ("left", "right"):
            for size in ("thumb", "medium"):
                got = self.client.get(
                    row[side]["image"], {"size": size}, headers={"accept": CHROMIUM}
                )
                content = got.getvalue()
                facts.update((f"{size} {name}", value) for name, value in got.headers.items())
                facts.add((f"{size} digest", hashlib.sha256(content).hexdigest()))
                lengths.append(len(content))
        self.sizes[row["id"]] = sorted([lengths[0] + lengths[1], lengths[2] + lengths[3]])

    def work(self, count: int) -> None:
        asks = url("assignments", project_id=self.project.id)
        chance = random.Random(3)
        for _ in range(count):
            rows = self.client.post(asks, {"count": chance.choice([1, 1, 3])}).json()["results"]
            for row in rows:
                self.seen[row["id"]].update(told(row))
            self.look(rows[0])
            body = {"assignment": rows[0]["id"], "outcome": chance.choice(["left", "right"])}
            made = self.client.post(url("comparisons"), body).json()
            self.seen[rows[0]["id"]].update(told(made, "made"))
        history = url("history", project_id=self.project.id)
        for line in self.client.get(history, {"page_size": 1000}).json()["results"]:
            self.seen[line["assignment"]].update(told(line, "history"))

    def linked(self, ids: list[str]) -> dict[str, set[frozenset[str]]]:
        """By where it stands: the assignments that share something which most others do not have."""
        holders: dict[tuple[str, str], set[str]] = defaultdict(set)
        for id in ids:
            for fact in self.seen[id]:
                holders[fact].add(id)
        links: dict[str, set[frozenset[str]]] = defaultdict(set)
        for (path, _), held in holders.items():
            if 1 < len(held) < len(ids) / 4:
                links[path] |= {frozenset(two) for two in combinations(held, 2)}
        return links


def test_a_script_that_compares_all_but_pixels_finds_no_repeats(
    project: Project, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "chance", random.Random(5))
    for n in range(24):
        added = add_image(project, picture(9 * n), name=f"{n}.png")
        images.derive(added)
        Image.objects.filter(id=added.id).update(gold=n % 2)
    update_project(project.id, gold_share=0.15, repeat_share=0.2)
    script = Adversary(project, bob)
    script.work(200)
    answered = Assignment.objects.filter(state=Assignment.State.ANSWERED)
    ids = [str(id) for id in answered.values_list("id", flat=True)]
    assert len(ids) == 200
    by_images: dict[frozenset[Any], list[str]] = defaultdict(list)
    for shown in answered.order_by("created_at"):
        by_images[frozenset((shown.left_id, shown.right_id))].append(str(shown.id))
    same = {frozenset(two) for held in by_images.values() for two in combinations(held, 2)}
    assert answered.filter(purpose=Purpose.GOLD).count() > 10
    assert answered.filter(purpose=Purpose.REPEAT).count() > 10
    assert len(same) > 10
    pairs = len(ids) * (len(ids) - 1) / 2
    for path, links in script.linked(ids).items():
        by_chance = len(same) * len(links) / pairs
        found = len(links & same)
        assert found <= by_chance + 3 * by_chance**0.5 + 1, path
    # Nor are their sizes any nearer than those of others.
    near = {
        two: sum(abs(a - b) for a, b in zip(*(script.sizes[id] for id in two), strict=True))
        for two in map(frozenset, combinations(ids, 2))
    }
    others = sorted(distance for two, distance in near.items() if two not in same)
    ranks = [sum(other < near[two] for other in others) / len(others) for two in same]
    assert 0.3 < sum(ranks) / len(ranks) < 0.7


def test_when_a_lease_ends_does_not_tell_how_long_its_pair_took_to_choose(
    project: Project, images: list[Image], bob: User
) -> None:
    for row in asked(bob, project, 5):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["expires_at"])
