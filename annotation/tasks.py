from uuid import UUID

from celery import shared_task

from annotation.delivery import deliver_due, forget_old
from annotation.imports import jobs
from annotation.periodic import periodic_task
from annotation.services import queue
from annotation.services.assignments import release_expired
from annotation.services.derivatives import make_derivatives
from annotation.services.retention import forget_stale

# Well below the time limit of a task: a long import goes on in the next one, and others get their turn.
IMPORT_SECONDS = 900.0
# Short, since it may go on for hours while ratings want their turn.
DERIVE_SECONDS = 10.0


@periodic_task("annotation.tasks.release_expired")
def release_expired_assignments() -> None:
    release_expired()


@shared_task(name="annotation.tasks.refill")
def refill(project_id: str) -> None:
    queue.refill(UUID(project_id))


@shared_task(name="annotation.tasks.refill_if_needed")
def refill_if_needed(project_id: str) -> None:
    """Fill the queue unless an earlier message of the sweep has had it filled."""
    if UUID(project_id) in queue.queues_to_fill():
        queue.refill(UUID(project_id))


@periodic_task("annotation.tasks.sweep_queues")
def sweep_queues() -> None:
    """Find the queues that a lost message has left empty."""
    for project_id in queue.queues_to_fill():
        refill_if_needed.apply_async((str(project_id),))


@shared_task(name="annotation.tasks.run_import")
def run_import(import_id: str) -> None:
    jobs.run_import(UUID(import_id), seconds=IMPORT_SECONDS)


@periodic_task("annotation.tasks.sweep_imports")
def sweep_imports() -> None:
    """Find the imports that a lost message or a lost worker has left behind."""
    for import_id in jobs.unfinished_imports():
        run_import.apply_async((str(import_id),))


@periodic_task("annotation.tasks.derive")
def derive() -> None:
    """Go on making what is shown of new pictures; it is cheap to ask when there is nothing to do."""
    make_derivatives(DERIVE_SECONDS)


@periodic_task("annotation.tasks.deliver")
def deliver() -> None:
    deliver_due()


@periodic_task("annotation.tasks.forget_old_deliveries")
def forget_old_deliveries() -> None:
    forget_old()


@shared_task(name="annotation.tasks.forget_stale")
def forget_stale_data() -> None:
    forget_stale()
