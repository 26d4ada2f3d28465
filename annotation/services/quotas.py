"""Limits on the projects that a person creates, and on the disk space of these projects.

A project counts for its creator, also after they have left it. Superusers, who run the installation, have no
limit, and neither have the commands of `manage.py`.
"""

from pathlib import Path

from django.conf import settings
from django.db.models import F, Sum
from django.utils.translation import gettext as _

from annotation.errors import Conflict
from annotation.models import Import, Project, User

GIGABYTE = 2**30


def refuse_another_project(user: User) -> None:
    """Raise Conflict if this person has reached the limit of projects. Call inside a transaction."""
    most = settings.MANAGER_PROJECTS
    if not most or user.is_superuser:
        return
    # Two that are made at the same moment do not both find room for one.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if Project.objects.filter(created_by=user, deleted_at=None).count() >= most:
        raise Conflict(
            _(
                "You already have %(most)s projects, the limit for one person. Delete one that you no longer "
                "need, or ask the operator to raise the limit (MANAGER_PROJECTS)."
            )
            % {"most": most}
        )


def refuse_beyond_disk(project: Project, more: int = 0) -> None:
    """Raise Conflict if `more` bytes would exceed the limit of the project's creator.

    Call before the bytes are written. Uploads at the same moment may together exceed it by their own size.
    """
    most, maker = settings.MANAGER_DISK_GB * GIGABYTE, project.created_by
    if not most or maker is None or maker.is_superuser:
        return
    kept = Project.objects.filter(created_by=maker).aggregate(sum=Sum("kept_bytes"))["sum"] or 0
    if kept + _waiting(maker) + more > most:
        raise Conflict(
            _(
                "There is no disk space left for this project: the projects of %(maker)s may use %(most)s GB "
                "together. Delete images, import from a folder of the server, or ask the operator to raise "
                "the limit (MANAGER_DISK_GB)."
            )
            % {"maker": maker.username, "most": settings.MANAGER_DISK_GB}
        )


def count_bytes(project: Project, more: int) -> None:
    """Add to the bytes that the project uses, in the transaction that adds or deletes the images."""
    Project.objects.filter(id=project.id).update(kept_bytes=F("kept_bytes") + more)


def _waiting(maker: User) -> int:
    """Sum the files that were uploaded for unfinished imports."""
    waiting = [Import.Status.QUEUED, Import.Status.RUNNING]
    jobs = Import.objects.filter(project__created_by=maker, status__in=waiting)
    folders = (Path(settings.IMPORT_DIR, str(id)) for id in jobs.values_list("id", flat=True))
    return sum(file.stat().st_size for folder in folders for file in folder.glob("*"))
