"""What a project's ratings are made of and how; each change makes the ratings stale, and so made anew."""

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.errors import Invalid
from annotation.models import Comparison, Decision, Project, User
from annotation.services.flags import log_decision
from annotation.services.revision import raise_revision
from rating.algorithms.methods import METHODS
from rating.models import RatingPlan, SetAside


@transaction.atomic
def request_recompute(project_id: UUID) -> int:
    """Make the ratings stale, which has a worker compute them; the revision that they will have read."""
    raise_revision(project_id)
    return Project.objects.values_list("revision", flat=True).get(id=project_id)


@transaction.atomic
def choose_method(project_id: UUID, method: str) -> None:
    if method not in METHODS:
        raise Invalid(
            _("There is no method “%(method)s”. Choose one of: %(methods)s.")
            % {"method": method, "methods": ", ".join(METHODS)},
            "method",
        )
    RatingPlan.objects.update_or_create(project_id=project_id, defaults={"method": method})
    raise_revision(project_id)


@transaction.atomic
def set_aside(project: Project, annotator_id: UUID, by: User, reason: str = "") -> None:
    """From now on the ratings are those of a log without this person; safe to repeat."""
    if not Comparison.objects.filter(project=project, annotator=annotator_id).exists():
        raise Invalid(_("This person has compared nothing in the project."), "annotator")
    SetAside.objects.update_or_create(
        project=project,
        annotator_id=annotator_id,
        defaults={"reason": reason},
        create_defaults={"reason": reason, "created_by": by},
    )
    log_decision(project, annotator_id, Decision.Kind.SET_ASIDE, by, reason)
    raise_revision(project.id)


@transaction.atomic
def take_back(project: Project, annotator_id: UUID, by: User | None = None) -> None:
    """Their comparisons, those made meanwhile too, count again as if nothing had been."""
    if SetAside.objects.filter(project=project, annotator=annotator_id).delete()[0]:
        log_decision(project, annotator_id, Decision.Kind.TAKEN_BACK, by)
        raise_revision(project.id)
