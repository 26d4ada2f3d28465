"""Fetching is authorising: every project that a page, the API or a command hands out comes through here.

What a person may not see is Http404, whether it exists or not; what they may see but not do is
PermissionDenied. Superusers have no short cut: they too need a membership.
"""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from annotation.models import (
    Assignment,
    Example,
    Image,
    Import,
    Membership,
    Project,
    Role,
    User,
    Webhook,
)
from annotation.showings import image_at, read_showing


def memberships_of(user: User) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user, project__deleted_at=None).select_related("project")


def membership_for(user: Any, project_id: UUID, role: Role = Role.ANNOTATOR) -> Membership:
    membership = memberships_of(user).filter(project_id=project_id).first()
    if membership is None:
        raise Http404(_("There is no such project among yours."))
    if not Role(membership.role).includes(role):
        raise PermissionDenied(
            _(
                "This needs the role of %(needed)s in the project; yours is %(role)s. A "
                "manager of the project can change it."
            )
            % {"needed": role.called, "role": Role(membership.role).called}
        )
    # The same row twice is the same object once: callers may rely on `membership.user`.
    membership.user = user
    return membership


def project_for(user: Any, project_id: UUID, role: Role = Role.ANNOTATOR) -> Project:
    return membership_for(user, project_id, role).project


def image_for(user: Any, image_id: UUID, role: Role) -> Image:
    image = Image.objects.select_related("project", "folder", "prompt").filter(id=image_id).first()
    if image is None:
        raise _no_image()
    membership_for(user, image.project_id, role)
    return image


def shown_image_for(user: Any, id: UUID) -> Image:
    """Find what a person may look at under this id.

    It is of an image that they were shown, whatever became of the assignment; or it is an image's own, which
    annotators are not to know.
    """
    showing = read_showing(id)
    if showing is None:
        image = Image.objects.select_related("folder").filter(id=id).first()
        if image is None:
            raise _no_image()
        known = memberships_of(user).filter(project=image.project_id).first()
        if known is None or known.is_blind:
            raise _no_image()
        return image
    rows: QuerySet[Example] | QuerySet[Assignment] = (
        Example.objects.all() if showing.by_example else Assignment.objects.filter(annotator=user)
    )
    shown = rows.filter(
        id=showing.shown_by, project__deleted_at=None, project__memberships__user=user
    ).first()
    if shown is None:
        raise _no_image()
    image = image_at(shown, showing.place).select_related("folder").first()
    if image is None:
        raise _no_image()
    return image


def _no_image() -> Http404:
    return Http404(_("There is no such image in your projects."))


def example_for(user: Any, example_id: UUID) -> Example:
    example = Example.objects.select_related("project", "criterion").filter(id=example_id).first()
    if example is None:
        raise Http404("There is no such example in your projects.")
    membership_for(user, example.project_id, Role.MANAGER)
    return example


def import_for(user: Any, import_id: UUID) -> Import:
    job = Import.objects.filter(id=import_id).first()
    if job is None:
        raise Http404(_("There is no such import in your projects."))
    membership_for(user, job.project_id, Role.MANAGER)
    return job


def webhook_for(user: Any, webhook_id: UUID) -> Webhook:
    webhook = Webhook.objects.select_related("project").filter(id=webhook_id).first()
    if webhook is None:
        raise Http404(_("There is no such webhook in your projects."))
    membership_for(user, webhook.project_id, Role.MANAGER)
    return webhook


def may_create_projects(user: Any) -> bool:
    """Whoever manages a project may start another; the first is started by who has the permission."""
    return (
        user.has_perm("annotation.add_project")
        or memberships_of(user).filter(role=Role.MANAGER).exists()
    )
