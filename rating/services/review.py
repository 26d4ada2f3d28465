"""Look at how people compared, and say it once: flags for managers, and pauses if the project says so."""

from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from annotation.models import Flag, Project
from annotation.services.flags import pause_person, raise_flag
from rating.findings import Finding, findings
from rating.selectors.attention import Since, forgiven_in, signals_of


def review_annotators(project_id: UUID) -> list[Flag]:
    """The flags that are new. Safe to repeat, and to run in parallel: the same facts are said once.

    The revision is read first, so that what arrives meanwhile is looked at next time.
    """
    project = Project.objects.get(id=project_id)
    members = dict(project.memberships.values_list("user", "paused_at"))
    forgiven = forgiven_in(project_id)
    signals = signals_of(project, members, forgiven)
    raised: list[Flag] = []
    for person, own in signals.items():
        # Of who is paused there is nothing new.
        if members[person] is None:
            known = forgiven.get(person, {})
            raised += _flagged(project, person, list(findings(project, own)), known)
    Project.objects.filter(id=project_id).update(
        reviewed_revision=Greatest(F("reviewed_revision"), project.revision)
    )
    return raised


@transaction.atomic
def _flagged(project: Project, person: UUID, found: list[Finding], forgiven: Since) -> list[Flag]:
    """One transaction: a person is never paused without the flags that say why."""
    if not found:
        return []
    list(project.memberships.select_for_update().filter(user=person))
    if forgiven_in(project.id).get(person, {}) != forgiven:
        # A manager has just decided; what was found is of before.
        return []
    raised = [
        raise_flag(project, person, one.signal, one.level, one.summary, one.facts) for one in found
    ]
    reasons = [one.summary for one in found if one.level == Flag.Level.PAUSE]
    if reasons and project.pause_automatically:
        pause_person(project, person, None, " ".join(reasons)[:500])
    return [flag for flag in raised if flag is not None]
