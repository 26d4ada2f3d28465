"""What becomes of people who may not be looking: flags, pauses, and the log of who decided what.

Nothing is deleted, and everything can be taken back. `by` is None where the program itself decides, which
it does only as the project's settings say.
"""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404
from django.utils.translation import gettext as _

from annotation.errors import Conflict
from annotation.models import Assignment, Decision, Flag, Membership, Project, User
from annotation.services.assignments import release_assignments
from annotation.webhooks import announce

# What a manager may still decide on: nobody has yet, or the person was paused for it.
UNSETTLED = Q(decision__in=[Flag.Outcome.OPEN, Flag.Outcome.PAUSED])


@transaction.atomic
def raise_flag(
    project: Project,
    annotator_id: UUID,
    signal: Flag.Signal,
    level: Flag.Level,
    summary: str,
    facts: dict[str, Any],
) -> Flag | None:
    """The new flag; None if the same, or a graver one, stands already. Told to webhooks."""
    # Two workers that find the same wait here for each other.
    list(Membership.objects.select_for_update().filter(project=project, user=annotator_id))
    standing = Flag.objects.filter(
        UNSETTLED, project=project, annotator=annotator_id, signal=signal
    )
    if standing.filter(level__in={level, Flag.Level.PAUSE}).exists():
        return None
    flag = Flag.objects.create(
        project=project,
        annotator_id=annotator_id,
        signal=signal,
        level=level,
        summary=summary,
        facts=facts,
    )
    told = {"flag": flag.id, "annotator": annotator_id, "signal": signal, "level": level}
    announce(project.id, "annotator.flagged", told | {"summary": summary}, key=str(flag.id))
    return flag


@transaction.atomic
def pause_person(project: Project, annotator_id: UUID, by: User | None, reason: str = "") -> None:
    """They are shown nothing more; what they have open goes to others at once. Safe to repeat."""
    membership = _locked(project, annotator_id)
    if membership.paused_at is not None:
        return
    Membership.objects.filter(id=membership.id).update(paused_at=Now(), paused_reason=reason)
    release_assignments(Assignment.objects.filter(project=project, annotator=annotator_id))
    _open_flags(project, annotator_id).update(decision=Flag.Outcome.PAUSED, decided_at=Now())
    log_decision(project, annotator_id, Decision.Kind.PAUSED, by, reason)


@transaction.atomic
def resume_person(project: Project, annotator_id: UUID, by: User, reason: str = "") -> None:
    """They may go on, and what was held against them counts no more. Safe to repeat."""
    membership = _locked(project, annotator_id)
    if membership.paused_at is None:
        return
    Membership.objects.filter(id=membership.id).update(paused_at=None, paused_reason="")
    Flag.objects.filter(UNSETTLED, project=project, annotator=annotator_id).update(
        decision=Flag.Outcome.RESUMED, decided_at=Now()
    )
    log_decision(project, annotator_id, Decision.Kind.RESUMED, by, reason)


@transaction.atomic
def dismiss_flag(project: Project, flag_id: UUID, by: User, reason: str = "") -> Flag:
    """What it says counts no more: it comes back only if what follows is reason enough by itself."""
    flag = _locked_flag(project, flag_id)
    if flag.decision == Flag.Outcome.DISMISSED:
        return flag
    Flag.objects.filter(id=flag.id).update(decision=Flag.Outcome.DISMISSED, decided_at=Now())
    log_decision(project, flag.annotator_id, Decision.Kind.DISMISSED, by, reason, flag)
    flag.refresh_from_db()
    return flag


@transaction.atomic
def reopen_flag(project: Project, flag_id: UUID, by: User, reason: str = "") -> Flag:
    """Take a dismissal back."""
    flag = _locked_flag(project, flag_id)
    if flag.decision != Flag.Outcome.DISMISSED:
        return flag
    same = Flag.objects.filter(
        UNSETTLED,
        project=project,
        annotator=flag.annotator_id,
        signal=flag.signal,
        level=flag.level,
    )
    if same.exists():
        raise Conflict(_("There is a newer flag that says the same; decide on that one."))
    Flag.objects.filter(id=flag.id).update(decision=Flag.Outcome.OPEN, decided_at=None)
    log_decision(project, flag.annotator_id, Decision.Kind.REOPENED, by, reason, flag)
    flag.refresh_from_db()
    return flag


def log_decision(
    project: Project,
    annotator_id: UUID,
    kind: Decision.Kind,
    by: User | None,
    reason: str = "",
    flag: Flag | None = None,
) -> None:
    """In the transaction of what was decided."""
    Decision.objects.create(
        project=project,
        annotator_id=annotator_id,
        kind=kind,
        flag=flag,
        reason=reason,
        decided_by=by,
    )


def _open_flags(project: Project, annotator_id: UUID) -> QuerySet[Flag]:
    return Flag.objects.filter(project=project, annotator=annotator_id, decision=Flag.Outcome.OPEN)


def _locked(project: Project, annotator_id: UUID) -> Membership:
    membership = (
        Membership.objects.select_for_update().filter(project=project, user=annotator_id).first()
    )
    if membership is None:
        raise Http404(_("There is no such member in this project."))
    return membership


def _locked_flag(project: Project, flag_id: UUID) -> Flag:
    """With the lock of its person first, as everywhere."""
    known = Flag.objects.filter(project=project, id=flag_id).first()
    if known is None:
        raise Http404(_("There is no such flag in this project."))
    list(Membership.objects.select_for_update().filter(project=project, user=known.annotator_id))
    return Flag.objects.select_for_update().get(id=flag_id)
