"""What the worker is told; annotation/wake_up.py says how. A sweep finds whatever was lost on the way."""

from uuid import UUID

from annotation.wake_up import post


def wake_up(project_id: UUID) -> None:
    """Have the project's ratings brought up to date."""
    post("rating.tasks.recompute_project", project_id)


def wake_up_for_export(export_id: UUID) -> None:
    post("rating.tasks.write_export", export_id)


def wake_up_for_push(push_id: UUID) -> None:
    post("rating.tasks.push_export", push_id)
