from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F

from annotation.models import Project
from annotation.signals import comparisons_changed


def raise_revision(project_id: UUID) -> None:
    """Say, inside the caller's transaction, that the project's log or its settings have changed.

    The last write of a transaction, because it holds the project's row until the commit. A listener of
    the signal that fails never costs the vote.
    """
    Project.objects.filter(id=project_id).update(revision=F("revision") + 1)
    transaction.on_commit(
        partial(comparisons_changed.send_robust, sender=Project, project_id=project_id)
    )
