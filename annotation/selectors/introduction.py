"""What is to be read and practised before comparing, and how far a person is with it."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from annotation.models import Comparison, Example, Image, Membership, PracticeAnswer, Project


def examples_of(project: Project) -> QuerySet[Example]:
    return (
        Example.objects.filter(project=project)
        .select_related("criterion", "better__prompt__reference", "worse")
        .order_by("position", "id")
    )


@dataclass(frozen=True)
class Practice:
    """The pairs that are practised, in their order, and what this person has said of them in this round.

    answers: for each pair that was answered, whether it was right.
    """

    round: int
    examples: list[Example]
    answers: dict[UUID, bool]

    @property
    def left(self) -> list[Example]:
        return [example for example in self.examples if example.id not in self.answers]

    @property
    def done(self) -> bool:
        return not self.left

    @property
    def right(self) -> int:
        return sum(self.answers.values())

    def number(self, example: Example) -> int:
        return self.examples.index(example) + 1


def practice_of(membership: Membership, *, again: bool = False) -> Practice:
    """The latest round; with `again` the one after it, if that one is done."""
    examples = list(examples_of(membership.project).filter(practice=True))
    said = PracticeAnswer.objects.filter(membership=membership, example__in=examples)
    rows = list(said.values_list("round", "example_id", "right"))
    latest = max((round for round, *_ in rows), default=1)
    practice = Practice(
        latest, examples, {example: right for round, example, right in rows if round == latest}
    )
    if again and practice.answers and practice.done:
        return Practice(latest + 1, examples, {})
    return practice


def sides(membership: Membership, example: Example, round: int) -> tuple[Image, Image]:
    """The left image and the right one: by chance, but the same whenever the page is opened again.

    With the server's key, so that nobody can compute which of them is the better one.
    """
    told = salted_hmac("practice", f"{membership.id} {example.id} {round}").digest()
    pair = (example.better, example.worse)
    return pair if told[0] & 1 else (pair[1], pair[0])


def has_introduction(project: Project) -> bool:
    return bool(project.instructions.strip()) or project.examples.exists()


def needs_introduction(membership: Membership) -> bool:
    """Whether this person is to read first; whoever has compared already has begun without it."""
    if membership.introduced_at is not None or not has_introduction(membership.project):
        return False
    return not Comparison.objects.filter(
        project=membership.project_id, annotator=membership.user_id
    ).exists()
