from celery import shared_task

from annotation.delivery import deliver_due, forget_old
from annotation.services.assignments import release_expired


@shared_task(name="annotation.tasks.release_expired")
def release_expired_assignments() -> None:
    release_expired()


@shared_task(name="annotation.tasks.deliver")
def deliver() -> None:
    deliver_due()


@shared_task(name="annotation.tasks.forget_old_deliveries")
def forget_old_deliveries() -> None:
    forget_old()
