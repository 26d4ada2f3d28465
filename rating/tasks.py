import threading
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready

from annotation.periodic import periodic_task
from annotation.services.queue import refill
from rating.exports.hub import run_push, unfinished_pushes
from rating.exports.jobs import remove_old_exports, run_export, unfinished_exports
from rating.selectors import stale_projects, unreviewed_projects
from rating.selectors.accuracy import unjudged_projects
from rating.services import judge_latest, recompute, review_annotators
from rating.services.compiling import compile_if_needed, is_compiling
from rating.services.runs import warm_up


@worker_ready.connect
def get_ready(**kwargs: Any) -> None:
    """Beside the first tasks, so that a worker is there at once."""
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()


def _warm_up() -> None:
    compile_if_needed()
    warm_up()


@shared_task(name="rating.tasks.recompute_project")
def recompute_project(project_id: str) -> None:
    if not is_compiling() and recompute(UUID(project_id), wait=False) is not None:
        refill(UUID(project_id))


@shared_task(name="rating.tasks.judge_project")
def judge_project(project_id: str) -> None:
    if not is_compiling():
        judge_latest(UUID(project_id))


@shared_task(name="rating.tasks.write_export")
def write_export(export_id: str) -> None:
    if not is_compiling():
        run_export(UUID(export_id))


@shared_task(name="rating.tasks.remove_old_exports")
def remove_exports() -> None:
    remove_old_exports()


@shared_task(name="rating.tasks.push_export")
def push_export(push_id: str) -> None:
    run_push(UUID(push_id))


@shared_task(name="rating.tasks.review_project")
def review_project(project_id: str) -> None:
    if not is_compiling():
        review_annotators(UUID(project_id))


@periodic_task("rating.tasks.review")
def review() -> None:
    """Look at how people compare, wherever they have; each project is a message of its own."""
    for project_id in unreviewed_projects():
        review_project.apply_async((str(project_id),))


@periodic_task("rating.tasks.sweep")
def sweep() -> None:
    """Find whatever a lost message missed; each find is a message of its own."""
    for project_id in stale_projects():
        recompute_project.apply_async((str(project_id),))
    for project_id in unjudged_projects():
        judge_project.apply_async((str(project_id),))
    for export_id in unfinished_exports():
        write_export.apply_async((str(export_id),))
    for push_id in unfinished_pushes():
        push_export.apply_async((str(push_id),))
