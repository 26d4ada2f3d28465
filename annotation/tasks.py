from celery import shared_task

from annotation.services.assignments import release_expired


@shared_task(name="annotation.tasks.release_expired")
def release_expired_assignments() -> None:
    release_expired()
