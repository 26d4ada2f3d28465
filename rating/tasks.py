from uuid import UUID

from celery import shared_task

from rating.exports.jobs import run_export, unfinished_exports
from rating.selectors import stale_projects
from rating.services import recompute


@shared_task(name="rating.tasks.recompute_project")
def recompute_project(project_id: str) -> None:
    recompute(UUID(project_id), wait=False)


@shared_task(name="rating.tasks.write_export")
def write_export(export_id: str) -> None:
    run_export(UUID(export_id))


@shared_task(name="rating.tasks.sweep")
def sweep() -> None:
    """Find whatever a lost message missed; each find is a message of its own, and short-lived."""
    for project_id in stale_projects():
        recompute_project.apply_async((str(project_id),), expires=10)
    for export_id in unfinished_exports():
        write_export.apply_async((str(export_id),), expires=10)
