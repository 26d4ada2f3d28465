"""Reads of stored runs: which one is current, what it says, and who is behind."""

from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from annotation.models import Criterion, Project, Prompt
from rating.models import AnnotatorReliability, Rating, RatingRun, SetAside


def latest_run(project_id: UUID) -> RatingRun | None:
    return (
        RatingRun.objects.filter(project=project_id).order_by("-revision", "-finished_at").first()
    )


def is_stale(run: RatingRun) -> bool:
    """Whether the project's log goes further than this run has read."""
    return Project.objects.filter(id=run.project_id, revision__gt=run.revision).exists()


def stale_projects() -> list[UUID]:
    """The projects whose log goes further than their ratings."""
    rated = (
        RatingRun.objects.filter(project=OuterRef("id"))
        .order_by("-revision")
        .values("revision")[:1]
    )
    behind = (
        Project.objects.filter(deleted_at=None)
        .annotate(rated=Subquery(rated))
        .filter(Q(rated=None, revision__gt=0) | Q(rated__lt=F("revision")))
    )
    return list(behind.order_by("id").values_list("id", flat=True))


def unreviewed_projects() -> list[UUID]:
    """The projects whose log goes further than what the review of their people has looked at."""
    behind = Project.objects.filter(deleted_at=None, revision__gt=F("reviewed_revision"))
    return list(behind.order_by("id").values_list("id", flat=True))


def ratings_of(
    run: RatingRun, criterion: Criterion, prompt: Prompt | None = None
) -> QuerySet[Rating]:
    """In order of rank; with several prompts, prompt by prompt."""
    ratings = Rating.objects.filter(run=run, criterion=criterion).select_related("image__prompt")
    if prompt is not None:
        ratings = ratings.filter(image__prompt=prompt)
    return ratings.order_by("image__prompt__text", "image__prompt_id", "rank", "id")


def reliabilities_of(run: RatingRun) -> dict[UUID, AnnotatorReliability]:
    """How each person saw, by their id; empty where the run's method knows no people."""
    return {known.annotator_id: known for known in AnnotatorReliability.objects.filter(run=run)}


def set_aside_in(project_id: UUID) -> dict[UUID, SetAside]:
    """Those who do not count in the project's ratings now, by their id."""
    return {row.annotator_id: row for row in SetAside.objects.filter(project=project_id)}
