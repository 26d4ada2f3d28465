from uuid import UUID

from django.db.models import QuerySet

from annotation.models import Decision, Flag, Membership, Project


def flags_of(project: Project) -> QuerySet[Flag]:
    """All that were ever raised, the latest first."""
    return (
        Flag.objects.filter(project=project)
        .select_related("annotator")
        .order_by("-created_at", "-id")
    )


def decisions_of(project: Project) -> QuerySet[Decision]:
    """All that was decided of people, the latest first."""
    return (
        Decision.objects.filter(project=project)
        .select_related("annotator", "decided_by", "flag")
        .order_by("-created_at", "-id")
    )


def paused_in(project: Project) -> dict[UUID, Membership]:
    """Those who are shown nothing more, by their id."""
    paused = Membership.objects.filter(project=project, paused_at__isnull=False)
    return {membership.user_id: membership for membership in paused}
