"""A project as a team leaves it after nine days: people, votes, rankings, exports, and some trouble.

`make(project)` fills a project that has images, and is given its manager's name; the command prints the
same as JSON, for the data that the environment leads to: `python -m bench.world`.
"""

import json
import os
import random
import sys
from datetime import timedelta
from itertools import combinations, groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from annotation.models import Criterion, Image, Project, User

TEAM = ("bob", "carol", "mira", "jonas", "eve")  # eve does not look
DAYS = 9
CRITERIA = [
    {"key": "better", "question": "Which image is better?"},
    {"key": "detail", "question": "Which image has the finer detail?"},
]
INSTRUCTIONS = """Look at both images at their full size before you decide.

Prefer the one that you would rather show to somebody; sharpness matters more than colour."""
LONG = "a-picture-whose-name-somebody-made-very-long-without-a-single-space-in-it_00001_final.png"
PROMPT = (
    "A weathered lighthouse on a cliff above a stormy sea at dusk, seen from a low boat, with gulls in the "
    "wind and a single lit window, in the manner of a nineteenth century oil painting"
)


def make(project: "Project", votes: int = 240) -> dict[str, Any]:
    """What was made, by name: ids for addresses, sessions of people, and pages that nobody can come to."""
    from annotation.models import Project, Role, User
    from annotation.services.members import create_invitation
    from annotation.services.projects import create_project, update_project
    from annotation.tokens import create_token
    from rating.services import recompute

    chance = random.Random(7)  # noqa: S311 - the same world each time
    manager = project.memberships.select_related("user").get(role=Role.MANAGER).user
    people = _people(project, ("rita", *TEAM))
    stranger = User.objects.create(username="sam")
    stranger.set_unusable_password()
    stranger.save()
    update_project(
        project.id,
        criteria=CRITERIA,
        instructions=INSTRUCTIONS,
        overlap=3,
        target=Project.Target.TAU,
        target_value=0.9,
    )
    project.refresh_from_db()
    _judge(project, people[1:], votes, chance)
    _waiting_pair(project, people[1])
    _introduce(project)
    recompute(project.id)
    empty = create_project(manager, name="Portraits, second round")
    create_project(manager, name="Old logos", state=Project.State.CLOSED)
    _, token = create_invitation(project, manager, Role.REVIEWER, "Nadia, from the studio")
    create_token(manager, name="training script", scopes=["export", "read"])
    create_token(manager)
    _notice(project, manager, people)
    _trouble(project, manager)
    _export(project, manager)
    return {
        "project": str(project.id),
        "empty": str(empty.id),
        "invitation": token,
        "webhook": _webhook(project, manager),
        "encoded": "MQ",
        "used": "a-b",
        "sessions": {
            "manager": _session(manager),
            "reviewer": _session(people[0]),
            "annotator": _session(people[1]),
            "stranger": _session(stranger),
        },
        "errors": _errors(),
    }


def _people(project: "Project", names: tuple[str, ...]) -> "list[User]":
    from annotation.models import Membership, Role, User

    people = [User.objects.get_or_create(username=name)[0] for name in names]
    for person in people:
        role = Role.REVIEWER if person.username == "rita" else Role.ANNOTATOR
        Membership.objects.get_or_create(project=project, user=person, defaults={"role": role})
    return people


def _judge(project: "Project", people: "list[User]", votes: int, chance: random.Random) -> None:
    """Comparisons of the past days, written past the services, whose clock knows only now."""
    from django.utils import timezone

    from annotation.models import Assignment, Comparison, Pair
    from annotation.services.revision import raise_revision

    criteria = list(project.criteria.all())
    pairs = _pairs(project)
    quality = {image: chance.gauss(0, 1.2) for pair in pairs for image in pair}
    slots = [(criterion, pair) for criterion in criteria for pair in pairs]
    begin = timezone.now() - timedelta(days=DAYS)
    times = sorted(begin + timedelta(days=DAYS * chance.random() ** 0.7) for _ in range(votes))
    asked, said = [], []
    known: dict[Any, Pair] = {}
    judged: set[Any] = set()
    for time in times:
        person, (criterion, pair) = chance.choice(people), chance.choice(slots)
        if (person.id, criterion.id, pair) in judged:
            continue
        judged.add((person.id, criterion.id, pair))
        row = known.get((criterion.id, pair)) or _pair(project, criterion, pair)
        known[criterion.id, pair] = row
        row.taken += 1
        left, right = chance.sample(pair, 2)
        shown = Assignment(
            project=project,
            criterion=criterion,
            pair=row,
            annotator=person,
            left=left,
            right=right,
            strategy="random",
            state=Assignment.State.ANSWERED,
            created_at=time - timedelta(seconds=6),
            expires_at=time + timedelta(minutes=30),
        )
        careless = person.username == "eve"
        asked.append(shown)
        said.append(
            Comparison(
                assignment=shown,
                project=project,
                criterion=criterion,
                annotator=person,
                left=left,
                right=right,
                outcome=_outcome(quality[left] - quality[right], careless, chance),
                duration_ms=round(1000 * chance.uniform(*((0.4, 0.9) if careless else (1.5, 9)))),
                created_at=time,
            )
        )
    Assignment.objects.bulk_create(asked)
    Comparison.objects.bulk_create(said)
    Pair.objects.bulk_update(known.values(), ["taken"])
    raise_revision(project.id)


def _pairs(project: "Project") -> "list[tuple[Image, Image]]":
    """All that may be compared, in an order that does not change: of the same prompt each."""
    images = project.images.filter(excluded=False).order_by("prompt__text", "name", "id")
    by_prompt = groupby(images, lambda image: image.prompt_id)
    return [pair for _, some in by_prompt for pair in combinations(list(some), 2)]


def _pair(project: "Project", criterion: "Criterion", images: Any) -> Any:
    from annotation.models import Pair

    low, high = sorted(images, key=lambda image: image.id)
    return Pair.objects.get_or_create(project=project, criterion=criterion, low=low, high=high)[0]


def _outcome(better: float, careless: bool, chance: random.Random) -> str:
    dice = chance.random()
    if careless:
        return "left" if dice < 0.8 else "right"
    if dice < 0.05:
        return chance.choice(["skip", "both_bad"])
    seen = better + chance.gauss(0, 0.7)
    return "tie" if abs(seen) < 0.12 else "left" if seen > 0 else "right"


def _waiting_pair(project: "Project", person: "User") -> None:
    """What the annotator sees first is always the same: a pair of equally large images."""
    from django.utils import timezone

    from annotation.models import Assignment

    same = [pair for pair in _pairs(project) if pair[0].width == pair[1].width > pair[0].height]
    left, right = (same or _pairs(project))[0]
    criterion = project.criteria.get(key="better")
    seen = Assignment.objects.filter(annotator=person, criterion=criterion, left=left, right=right)
    if not seen.exists():
        Assignment.objects.create(
            project=project,
            criterion=criterion,
            pair=_pair(project, criterion, (left, right)),
            annotator=person,
            left=left,
            right=right,
            strategy="random",
            expires_at=timezone.now() + timedelta(hours=5),
        )


def _introduce(project: "Project") -> None:
    """An example to look at, and a pair to practise."""
    from annotation.services.examples import add_example

    criterion = project.criteria.get(key="better")
    shown, practised = _pairs(project)[:2]
    why = "Its light is warmer, and the horizon is level."
    add_example(project, criterion, better=shown[0].id, worse=shown[1].id, explanation=why)
    add_example(project, criterion, better=practised[0].id, worse=practised[1].id, practice=True)


def _notice(project: "Project", manager: "User", people: "list[User]") -> None:
    from annotation.models import Flag
    from annotation.services.flags import dismiss_flag, raise_flag
    from rating.services import set_aside
    from rating.services.review import review_annotators

    review_annotators(project.id)  # which pauses eve
    why = "Said “tie” to 3 of 12 pairs."
    flag = raise_flag(project, people[2].id, Flag.Signal.TIES, Flag.Level.WARN, why, {})
    if flag:
        dismiss_flag(project, flag.id, manager, "These pairs are close.")
    set_aside(project, people[-1].id, manager, "Was not looking.")


def _trouble(project: "Project", manager: "User") -> None:
    """An image that is there twice, one set aside, and imports that went well and less well."""
    from django.utils import timezone

    from annotation import images
    from annotation.models import Import, ImportRefusal
    from annotation.services.images import add_image, update_image

    first = project.images.order_by("name", "id")[0]
    content = images.source_path(first).read_bytes()
    add_image(project, content, name=LONG, prompt=PROMPT, model="painter-2")
    again = add_image(project, content, name="again.png", prompt=PROMPT)
    update_image(again, excluded=True, reason="blurred")
    now = timezone.now()
    imported: dict[str, Any] = {"project": project, "created_by": manager}
    done = Import.objects.create(
        source="zip",
        status="done",
        total=24,
        added=21,
        known=1,
        refused=2,
        finished_at=now,
        **imported,
    )
    for place, reason in (
        ("notes.txt", "is not a picture"),
        (LONG, "has more than 100 megapixels"),
    ):
        ImportRefusal.objects.create(of=done, place=place, reason=reason)
    Import.objects.create(
        source="parquet",
        status="failed",
        error="There is no column “image”.",
        finished_at=now,
        **imported,
    )


def _export(project: "Project", manager: "User") -> None:
    from rating.exports.jobs import request_export, run_export

    run_export(request_export(project, manager, "rankings", {}).id)


def _webhook(project: "Project", manager: "User") -> str:
    """Switched off, so that nothing is ever sent."""
    from django.utils import timezone

    from annotation.models import Delivery, Webhook

    url = "https://hooks.example.org/pairwright/training-cluster"
    webhook = Webhook.objects.create(
        project=project, created_by=manager, url=url, events=["export.done"], active=False
    )
    told: dict[str, Any] = {"webhook": webhook, "payload": {}, "next_attempt_at": None}
    Delivery.objects.create(
        key="1",
        event="export.done",
        attempts=1,
        delivered_at=timezone.now(),
        last_status=204,
        **told,
    )
    Delivery.objects.create(
        key="2", event="export.done", attempts=9, last_answer="Connection refused", **told
    )
    return str(webhook.id)


def _session(user: "User") -> str:
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _errors() -> dict[str, str]:
    from django.contrib.auth.models import AnonymousUser
    from django.template.loader import render_to_string
    from django.test import RequestFactory

    from bench.pages import ERRORS

    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    return {name: render_to_string(f"{name}.html", request=request) for name in ERRORS}


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from annotation.models import Project
    from bench.pages import FOREIGN, STOPS, told

    world = make(Project.objects.get(), *map(int, sys.argv[1:]))
    world["stops"] = told(STOPS + FOREIGN, world)
    print(json.dumps(world))


if __name__ == "__main__":
    main()
