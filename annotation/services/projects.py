from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation.errors import Conflict, Invalid
from annotation.models import Criterion, Membership, Project, Role, User, validate_tags
from annotation.names import name_key
from annotation.services import queue
from annotation.services.quotas import refuse_another_project
from annotation.services.revision import raise_revision
from annotation.webhooks import announce

MOST_CHECKS = 0.5
DEFAULT_CRITERION = {"key": "better", "question": "Which image is better?"}


@transaction.atomic
def create_project(
    user: User, *, criteria: Iterable[Mapping[str, str]] | None = None, **fields: Any
) -> Project:
    """A project with this person as its manager; with no criteria it asks which image is better."""
    refuse_another_project(user)
    project = Project(created_by=user, **fields)
    _clean(project)
    _clean_tags(project)
    project.save()
    Membership.objects.create(project=project, user=user, role=Role.MANAGER)
    _set_criteria(project, list(criteria or [DEFAULT_CRITERION]))
    return project


def locked_project(project_id: UUID) -> Project:
    """As it is until the caller's transaction ends, so that what is decided on it stays true."""
    return Project.objects.select_for_update().get(id=project_id)


@transaction.atomic
def update_project(
    project_id: UUID,
    *,
    criteria: Iterable[Mapping[str, str]] | None = None,
    why: Mapping[str, str] | None = None,
    **fields: Any,
) -> Project:
    """Change what is named. why: what is told of a change of state beside it, if nobody made it by hand."""
    project = locked_project(project_id)
    before, tags = project.state, project.tags
    chosen = _how_pairs_are_chosen(project)
    for name, value in fields.items():
        setattr(project, name, value)
    _clean(project)
    if project.tags != tags:
        _clean_tags(project)
    project.save(update_fields=list(fields))
    if criteria is not None:
        _set_criteria(project, list(criteria))
    if project.state != before:
        told = {"state": project.state, "before": before, **(why or {})}
        announce(project.id, "project.state_changed", told)
    if _how_pairs_are_chosen(project) != chosen:
        queue.empty(project.id)
    raise_revision(project.id)
    return project


def _how_pairs_are_chosen(project: Project) -> tuple[Any, ...]:
    """What was proposed under other values of these is not what the manager wants now."""
    shown = (project.screen, project.screen_size)
    return (*shown, project.strategy, project.random_share, project.goal, project.top)


def delete_project(project_id: UUID) -> None:
    """Nobody sees the project any more. Its log is kept: comparisons are never erased."""
    Project.objects.filter(id=project_id, deleted_at=None).update(deleted_at=Now())


def _clean(project: Project) -> None:
    if not project.name.strip():
        raise Invalid(_("A project needs a name."), "name")
    if project.gold_share + project.repeat_share > MOST_CHECKS:
        raise Invalid(
            _(
                "At most half of the pairs can be checks: lower the share of known answers, "
                "or that of repeated pairs."
            ),
            "repeat_share",
        )


def _clean_tags(project: Project) -> None:
    try:
        validate_tags(project.tags)
    except ValidationError as error:
        raise Invalid(error.messages[0], "tags") from None


def _set_criteria(project: Project, wanted: list[Mapping[str, str]]) -> None:
    """Make the project's criteria exactly these; one that has been asked already cannot go."""
    keys = [criterion["key"] for criterion in wanted]
    if not keys:
        raise Invalid(
            _("A project needs at least one criterion, such as {“key”: “better”}."), "criteria"
        )
    if len(set(map(name_key, keys))) != len(keys):
        raise Invalid(_("Each criterion's key must be there only once."), "criteria")
    for gone in project.criteria.exclude(key__in=keys):
        if gone.pairs.exists():
            raise Conflict(
                _(
                    "The criterion “%(key)s” has comparisons and cannot be removed. Its question "
                    "can be changed."
                )
                % {"key": gone.key}
            )
        if gone.examples.exists():
            raise Conflict(
                _(
                    "The criterion “%(key)s” has examples in the introduction and cannot be removed. "
                    "Delete these first."
                )
                % {"key": gone.key}
            )
        gone.delete()
    for position, criterion in enumerate(wanted):
        defaults = {"position": position}
        if criterion.get("question"):
            defaults["question"] = criterion["question"]  # type: ignore[assignment]
        Criterion.objects.update_or_create(project=project, key=criterion["key"], defaults=defaults)
