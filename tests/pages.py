"""Opening pages as one of the cast."""

from typing import Any

from django.test import Client

from annotation.models import (
    Comparison,
    Outcome,
    Project,
    User,
)
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from tests.conftest import membership


def logged_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def compare_some(project: Project, user: User, count: int = 1) -> list[Comparison]:
    made = []
    for _ in range(count):
        assignment = open_assignments(membership(project, user)).assignments[0]
        made.append(record_comparison(user, assignment.id, Outcome.LEFT, duration_ms=1500)[0])
    return made
