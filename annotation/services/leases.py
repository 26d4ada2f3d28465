"""What one person holds of a project: their leases, their quota, and the lock that makes both exact."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import (
    DateTimeField,
    DurationField,
    Expression,
    ExpressionWrapper,
    QuerySet,
    Value,
)
from django.db.models.functions import Now
from django.http import Http404

from annotation import pairing
from annotation.models import Assignment, Criterion, Image, Membership, Outcome, Project, User


def lock(membership: Membership) -> Membership:
    """As it is now. One person's tabs and devices wait here for one another, so that quotas are exact."""
    return Membership.objects.select_for_update().get(id=membership.id)


def membership_of(user: User, assignment_id: UUID) -> Membership:
    """Locked, as by `lock`, by whoever answers the assignment."""
    membership = (
        Membership.objects.select_for_update(of=("self",))
        .select_related("project")
        .filter(user=user, project__assignments=assignment_id, project__deleted_at=None)
        .first()
    )
    if membership is None:
        raise Http404("There is no such assignment of yours.")
    membership.user = user
    return membership


def quota_reached(membership: Membership) -> bool:
    quota = membership.project.quota
    if quota is None:
        return False
    judged = membership.user.comparisons.filter(
        project=membership.project_id, retracted_at=None
    ).exclude(outcome=Outcome.SKIP)
    # Counted up to the quota and no further: it is asked each time.
    made = judged.order_by()[:quota].count()
    return made + open_of(membership, None).count() >= quota


def may_take_again(membership: Membership, shown: Assignment, *, has_place: bool = False) -> bool:
    """Whether this person, whose row is locked, has a place of what they were shown, which is taken if it
    was given back meanwhile."""
    if membership.paused_at is not None or quota_reached(membership):
        return False
    if _images_of(shown).filter(excluded=True).exists():
        return False
    return has_place or pairing.claim_place(shown)


def open_of(membership: Membership, criterion: Criterion | None) -> QuerySet[Assignment]:
    mine = Assignment.objects.filter(
        project=membership.project_id,
        annotator=membership.user_id,
        state=Assignment.State.OPEN,
        expires_at__gt=Now(),
    )
    return mine.filter(criterion=criterion) if criterion else mine


def lease(membership: Membership, **shown: Any) -> Assignment:
    return Assignment.objects.create(
        project=membership.project,
        annotator_id=membership.user_id,
        expires_at=expiry(membership.project),
        **shown,
    )


def _images_of(assignment: Assignment) -> QuerySet[Image]:
    if assignment.lineup_id is not None:
        return Image.objects.filter(id__in=assignment.shown or [])
    return Image.objects.filter(id__in=[assignment.left_id, assignment.right_id])


def expiry(project: Project) -> Expression:
    lease = Value(timedelta(seconds=project.lease_seconds), output_field=DurationField())
    return ExpressionWrapper(Now() + lease, output_field=DateTimeField())
