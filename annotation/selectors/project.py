"""Reads that end in plain values; no query leaves this module unfinished but the lists that pages cut."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, Exists, Max, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Least, Now, TruncDay
from django.utils.translation import gettext

from annotation.errors import Invalid
from annotation.models import (
    Assignment,
    Comparison,
    Criterion,
    Image,
    Invitation,
    Membership,
    Outcome,
    Pair,
    Project,
    Purpose,
    Role,
    Screen,
    Token,
    User,
)
from annotation.names import name_key

# So many of a person's last answers are looked at; fewer than the least do not say how fast they go.
LATELY, LEAST_FOR_PACE = 50, 5

JUDGEMENTS = [Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD, Outcome.ORDERED]


def criterion_asked(project: Project, key: str | None) -> Criterion:
    """The one with this key, or the project's first if none is named."""
    return criterion_named(project, key) if key else project.criteria.all()[0]


def criterion_meant(project: Project, key: str | None) -> Criterion:
    """The one with this key, or the project's only one: nothing is taken for the first of several."""
    criteria = list(project.criteria.all())
    if not key and len(criteria) > 1:
        raise Invalid(
            gettext("This project has several criteria. Say which one is meant: %(known)s.")
            % {"known": ", ".join(criterion.key for criterion in criteria)},
            "criterion",
        )
    return criterion_asked(project, key)


def criterion_named(project: Project, key: str) -> Criterion:
    for criterion in project.criteria.all():
        if name_key(criterion.key) == name_key(key):
            return criterion
    known = ", ".join(criterion.key for criterion in project.criteria.all())
    raise Invalid(
        gettext("The project has no criterion “%(key)s”. It has: %(known)s.")
        % {"key": key, "known": known},
        "criterion",
    )


def comparison_log(project: Project) -> QuerySet[Comparison]:
    """The whole log in its order, retracted comparisons included."""
    return (
        Comparison.objects.filter(project=project)
        .select_related("criterion", "annotator", "assignment__lineup", "left__prompt", "right")
        .prefetch_related("assignment__lineup__images__prompt")
        .order_by("created_at", "id")
    )


def pseudonym(project: Project, user_id: UUID) -> str:
    """A name for an annotator that is stable in the project and tells outsiders nothing."""
    digest = hmac.digest(bytes.fromhex(project.pseudonym_key), user_id.bytes, "sha256")
    return f"a-{digest.hex()[:16]}"


def possible_pairs(project: Project) -> int:
    """How many pairs can be shown: two images of one prompt, for each criterion."""
    groups = (
        Image.objects.filter(project=project, excluded=False)
        .order_by()
        .values_list("prompt")
        .annotate(size=Count("id"))
    )
    pairs: int = sum(size * (size - 1) // 2 for _, size in groups)
    return pairs * project.criteria.count()


@dataclass(frozen=True)
class Progress:
    """How far a project is.

    `wanted` is every pair that can be shown, times the overlap. `judged` is what counts towards it: of each
    pair no more comparisons than the overlap, of excluded images none; so it is never more than `wanted`.
    `complete_pairs` have all that is wanted of them. `comparisons` are all that were made. `checks` of the
    annotators do not count: they are in none of the other numbers.
    """

    images: int
    excluded_images: int
    possible_pairs: int
    complete_pairs: int
    wanted: int
    judged: int
    comparisons: int
    outcomes: dict[str, int]
    retracted: int
    checks: int
    open_assignments: int
    annotators: int
    last_comparison_at: datetime | None

    @property
    def share(self) -> float:
        return self.judged / self.wanted if self.wanted else 0.0


def open_assignments(project: Project) -> int:
    """How many pairs are on somebody's screen; it changes without the project's revision."""
    return Assignment.objects.filter(
        project=project, state=Assignment.State.OPEN, expires_at__gt=Now()
    ).count()


def progress(project: Project) -> Progress:
    kept = Q(retracted_at=None, purpose=Purpose.RANKING)
    counts = Comparison.objects.filter(project=project).aggregate(
        **{outcome.value: Count("id", filter=kept & Q(outcome=outcome)) for outcome in Outcome},
        retracted=Count("id", filter=Q(retracted_at__isnull=False, purpose=Purpose.RANKING)),
        checks=Count("id", filter=Q(retracted_at=None) & ~Q(purpose=Purpose.RANKING)),
        annotators=Count("annotator", filter=kept, distinct=True),
        last=Max("created_at"),
    )
    images = Image.objects.filter(project=project).aggregate(
        kept=Count("id", filter=Q(excluded=False)), excluded=Count("id", filter=Q(excluded=True))
    )
    possible = possible_pairs(project)
    wanted = possible * project.overlap
    judged, complete = _judged_pairs(project, some_excluded=images["excluded"] > 0)
    return Progress(
        images=images["kept"],
        excluded_images=images["excluded"],
        possible_pairs=possible,
        complete_pairs=complete,
        wanted=wanted,
        # A screen of several images counts once: nobody says of how many pairs it should be the judge.
        judged=min(wanted, judged + counts[Outcome.ORDERED.value]),
        comparisons=sum(counts[outcome.value] for outcome in JUDGEMENTS),
        outcomes={outcome.value: counts[outcome.value] for outcome in Outcome},
        retracted=counts["retracted"],
        checks=counts["checks"],
        open_assignments=open_assignments(project),
        annotators=counts["annotators"],
        last_comparison_at=counts["last"],
    )


def _judged_pairs(project: Project, *, some_excluded: bool) -> tuple[int, int]:
    """How many comparisons of pairs are there that were wanted, and how many pairs have all of them."""
    pairs = Pair.objects.filter(project=project)
    shown = Assignment.objects.filter(
        project=project, state=Assignment.State.OPEN, purpose=Purpose.RANKING, pair__isnull=False
    )
    if some_excluded:
        pairs = pairs.filter(low__excluded=False, high__excluded=False)
        shown = shown.filter(pair__low__excluded=False, pair__high__excluded=False)
    overlap = project.overlap
    sums = pairs.aggregate(
        judged=Sum(Least("taken", Value(overlap)), default=0),
        complete=Count("id", filter=Q(taken__gte=overlap)),
    )
    judged, complete = sums["judged"], sums["complete"]
    # What is on a screen has taken its place, but is not judged yet.
    open_pairs = shown.order_by().values_list("pair", "pair__taken").annotate(held=Count("id"))
    for _, taken, held in open_pairs:
        judged -= min(taken, overlap) - min(taken - held, overlap)
        complete -= taken >= overlap > taken - held
    return judged, complete


@dataclass(frozen=True)
class OwnProgress:
    """How far one person is: what they judged, what they may still judge, and the limit, if any.

    Nobody counts how often several images may be shown in ever other company: then, without a limit,
    `remaining` is None.
    """

    judged: int
    skipped: int
    quota: int | None
    remaining: int | None

    @property
    def total(self) -> int:
        return self.judged + (self.remaining or 0)


def own_progress(membership: Membership) -> OwnProgress:
    project = membership.project
    mine = Comparison.objects.filter(
        project=project, annotator=membership.user_id, retracted_at=None
    ).aggregate(
        judged=Count("id", filter=Q(outcome__in=JUDGEMENTS)),
        skipped=Count("id", filter=Q(outcome=Outcome.SKIP)),
        checks=Count("id", filter=~Q(purpose=Purpose.RANKING)),
    )
    if project.screen != Screen.PAIR:
        left = None if project.quota is None else max(0, project.quota - mine["judged"])
        return OwnProgress(mine["judged"], mine["skipped"], project.quota, left)
    shown = Assignment.objects.filter(pair=OuterRef("id"), annotator=membership.user_id)
    left = _pairs_left(project, shown)
    if left and mine["checks"]:
        # As after any other comparison there is one less to do after a check: nothing tells them apart.
        left = _pairs_left(project, shown.filter(purpose=Purpose.RANKING))
        left = max(1, left - mine["checks"])
    if project.quota is not None:
        left = min(left, max(0, project.quota - mine["judged"]))
    return OwnProgress(mine["judged"], mine["skipped"], project.quota, left)


def _pairs_left(project: Project, shown: QuerySet[Assignment]) -> int:
    """Those that have a place and were not shown, or are on the screen."""
    # A place that this person holds open is still theirs to judge.
    waiting = shown.filter(state=Assignment.State.OPEN, expires_at__gt=Now())
    closed = (
        Pair.objects.filter(project=project, low__excluded=False, high__excluded=False)
        .filter(Q(taken__gte=project.overlap) | Exists(shown))
        .exclude(Exists(waiting))
    )
    return max(0, possible_pairs(project) - closed.count())


def annotators(project: Project) -> list[dict[str, Any]]:
    """One row for each person who belongs to the project or compared in it, busiest first."""
    kept = Q(comparisons__project=project, comparisons__retracted_at=None)
    sided = Q(comparisons__outcome__in=[Outcome.LEFT, Outcome.RIGHT])
    judged = kept & Q(comparisons__outcome__in=JUDGEMENTS)
    member = Membership.objects.filter(project=project, user=OuterRef("id"))
    people = (
        User.objects.filter(
            Exists(member)
            | Exists(Comparison.objects.filter(project=project, annotator=OuterRef("id")))
        )
        .annotate(
            comparisons_made=Count("comparisons", filter=judged),
            left=Count("comparisons", filter=kept & Q(comparisons__outcome=Outcome.LEFT)),
            sided=Count("comparisons", filter=kept & sided),
            ties=Count("comparisons", filter=kept & Q(comparisons__outcome=Outcome.TIE)),
            both_bad=Count("comparisons", filter=kept & Q(comparisons__outcome=Outcome.BOTH_BAD)),
            skipped=Count("comparisons", filter=kept & Q(comparisons__outcome=Outcome.SKIP)),
            retracted=Count(
                "comparisons",
                filter=Q(comparisons__project=project, comparisons__retracted_at__isnull=False),
            ),
            mean_duration_ms=Avg("comparisons__duration_ms", filter=judged),
            last_comparison_at=Max("comparisons__created_at", filter=kept),
        )
        .order_by("-comparisons_made", "username")
    )
    roles = dict(Membership.objects.filter(project=project).values_list("user_id", "role"))
    return [
        {
            "id": person.id,
            "username": person.username,
            "role": roles.get(person.id),
            "comparisons": person.comparisons_made,
            "left_share": person.left / person.sided if person.sided else None,
            "ties": person.ties,
            "both_bad": person.both_bad,
            "skipped": person.skipped,
            "retracted": person.retracted,
            "mean_duration_ms": person.mean_duration_ms and round(person.mean_duration_ms),
            "last_comparison_at": person.last_comparison_at,
        }
        for person in people
    ]


def comparisons_by_day(project: Project) -> list[tuple[datetime, int]]:
    days = (
        Comparison.objects.filter(
            project=project,
            purpose=Purpose.RANKING,
            retracted_at=None,
            outcome__in=JUDGEMENTS,
        )
        .order_by()
        .annotate(day=TruncDay("created_at"))
        .values_list("day")
        .annotate(made=Count("id"))
        .order_by("day")
    )
    return list(days)


def own_history(membership: Membership) -> QuerySet[Comparison]:
    """One person's comparisons, latest first, without the retracted ones."""
    return (
        Comparison.objects.filter(
            project=membership.project_id, annotator=membership.user_id, retracted_at=None
        )
        .select_related(
            "project", "criterion", "assignment__lineup", "left__prompt__reference", "right"
        )
        .prefetch_related("assignment__lineup__images__prompt__reference")
        .order_by("-created_at", "-id")
    )


@dataclass(frozen=True)
class Lately:
    """A person's last answers that were not undone.

    `assignments`: what they answered, the latest first. `seconds_each`: what one took, the median; None,
    where there are too few.
    """

    assignments: list[UUID]
    seconds_each: float | None


def lately(membership: Membership) -> Lately:
    last = Comparison.objects.filter(
        project=membership.project_id, annotator=membership.user_id, retracted_at=None
    ).order_by("-created_at", "-id")
    rows = list(last.values_list("assignment_id", "duration_ms")[:LATELY])
    took = [duration_ms for _, duration_ms in rows if duration_ms is not None]
    return Lately(
        assignments=[assignment for assignment, _ in rows],
        seconds_each=median(took) / 1000 if len(took) >= LEAST_FOR_PACE else None,
    )


def members_of(project: Project) -> QuerySet[Membership]:
    """With how many pairs of the introduction they practised, and how many were `right` the first time."""
    first = Q(practice_answers__round=1)
    return (
        Membership.objects.filter(project=project)
        .select_related("user")
        .annotate(
            practised=Count("practice_answers", filter=first),
            right=Count("practice_answers", filter=first & Q(practice_answers__right=True)),
        )
    )


def invitations_of(project: Project) -> QuerySet[Invitation]:
    """List those that somebody may still use, latest first.

    An invitation is worth what its maker may do now: who manages no more lets nobody in, nor themselves.
    """
    managers = Membership.objects.filter(
        project=project, role=Role.MANAGER, user__is_active=True
    ).values("user")
    return Invitation.objects.filter(
        project=project,
        accepted_at=None,
        revoked_at=None,
        expires_at__gt=Now(),
        created_by__in=managers,
    ).select_related("created_by")


def tokens_of(user: User) -> QuerySet[Token]:
    """One's tokens, expired ones too, the latest first."""
    return Token.objects.filter(key__user=user).select_related("key").order_by("-key__created")
