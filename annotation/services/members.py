"""Who belongs to a project. A project always has a manager."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.errors import Conflict, Gone, Invalid
from annotation.models import Assignment, Invitation, Membership, Project, Role, User
from annotation.selectors import invitations_of
from annotation.services.assignments import release_assignments

INVITATION_LIFE = timedelta(days=7)


def add_member(project: Project, username: str, role: Role) -> Membership:
    user = User.objects.called(username).filter(is_active=True).first()
    if user is None:
        raise Invalid(
            _(
                "There is no person called “%(username)s” here. Invite them instead: the "
                "invitation's link lets them choose a name and a password."
            )
            % {"username": username},
            "username",
        )
    return _join(project, user, role)


@transaction.atomic
def change_role(project: Project, user_id: UUID, role: Role) -> Membership:
    membership = _locked_membership(project, user_id)
    if role != Role.MANAGER:
        _refuse_last_manager(project, membership)
    membership.role = role
    membership.save(update_fields=["role"])
    return membership


@transaction.atomic
def remove_member(project: Project, user_id: UUID) -> None:
    """They see the project no more; what they compared stays in the log."""
    membership = _locked_membership(project, user_id)
    _refuse_last_manager(project, membership)
    membership.delete()
    release_assignments(Assignment.objects.filter(project=project, annotator=user_id))


def create_invitation(
    project: Project, user: User, role: Role, note: str = ""
) -> tuple[Invitation, str]:
    """The invitation and its token, which is not kept and cannot be shown again."""
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        project=project,
        role=role,
        note=note,
        token_digest=_digest(token),
        created_by=user,
        expires_at=timezone.now() + INVITATION_LIFE,
    )
    return invitation, token


def revoke_invitation(project: Project, invitation_id: UUID) -> None:
    if not project.invitations.filter(id=invitation_id).exists():
        raise Http404(_("There is no such invitation in this project."))
    project.invitations.filter(id=invitation_id, accepted_at=None, revoked_at=None).update(
        revoked_at=Now()
    )


def open_invitation(token: str) -> Invitation:
    invitation = (
        Invitation.objects.select_related("project")
        .filter(token_digest=_digest(token), project__deleted_at=None)
        .first()
    )
    if invitation is None:
        raise Http404(_("There is no such invitation."))
    if not invitations_of(invitation.project).filter(id=invitation.id).exists():
        raise Gone(
            _(
                "This invitation has been used, withdrawn or has expired. Ask the person who "
                "sent it for a new one."
            )
        )
    return invitation


@transaction.atomic
def accept_invitation(token: str, user: User) -> Membership:
    """Join with the invitation's role. The link works once, however many use it at the same moment."""
    invitation = open_invitation(token)
    _lock_maker(invitation)
    # Looked at again, since they may just have been removed.
    open_invitation(token)
    claimed = Invitation.objects.filter(id=invitation.id, accepted_at=None, revoked_at=None).update(
        accepted_at=Now(), accepted_by=user
    )
    if not claimed:
        raise Gone(
            _("This invitation has just been used. Ask the person who sent it for a new one.")
        )
    return _join(invitation.project, user, Role(invitation.role))


@transaction.atomic
def accept_invitation_as_new_person(token: str, username: str, password: str) -> Membership:
    # Before the name is looked at: who has no invitation learns no names.
    open_invitation(token)
    user = User(username=User.normalize_username(username))
    try:
        user.clean_fields(exclude=["password"])
        user.clean()
        validate_password(password, user)
    except ValidationError as error:
        field = "username" if hasattr(error, "error_dict") else "password"
        raise Invalid(" ".join(error.messages), field) from None
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise Invalid(_("This name is taken. Choose another."), "username") from None
    return accept_invitation(token, user)


def _lock_maker(invitation: Invitation) -> None:
    """Who takes the maker's role away waits until this transaction ends."""
    maker = Membership.objects.filter(project=invitation.project_id, user=invitation.created_by_id)
    list(maker.select_for_update(no_key=True).values_list("id"))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _join(project: Project, user: User, role: Role) -> Membership:
    try:
        with transaction.atomic():
            return Membership.objects.create(project=project, user=user, role=role)
    except IntegrityError:
        raise Conflict(
            _("%(username)s is already a member of this project.") % {"username": user.username}
        ) from None


def _locked_membership(project: Project, user_id: UUID) -> Membership:
    # All managers are locked, so that two who leave at once do not both find the other there.
    members = Membership.objects.select_for_update().filter(project=project)
    members = members.filter(Q(user=user_id) | Q(role=Role.MANAGER)).order_by("id")
    for membership in members:
        if membership.user_id == user_id:
            return membership
    raise Http404(_("There is no such member in this project."))


def _refuse_last_manager(project: Project, membership: Membership) -> None:
    others = project.memberships.filter(role=Role.MANAGER).exclude(id=membership.id)
    if membership.role == Role.MANAGER and not others.exists():
        raise Conflict(_("This is the project's only manager. Make somebody else a manager first."))
