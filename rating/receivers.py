from typing import Any
from uuid import UUID

from django.dispatch import receiver

from annotation.signals import comparisons_changed
from rating.wake_up import wake_up


@receiver(comparisons_changed)
def wake_up_the_worker(project_id: UUID, **kwargs: Any) -> None:
    wake_up(project_id)
