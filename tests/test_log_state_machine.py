"""Whatever people do, in any order: the promises hold after each step."""

from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from annotation.errors import Refused
from annotation.models import Assignment, Comparison, Image, Membership, Outcome, Project, User
from annotation.services.assignments import open_assignments, release_expired
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.images import update_image
from annotation.services.projects import create_project, update_project
from tests.conftest import membership
from tests.promises import assert_promises

people = st.integers(0, 2)
outcomes = st.sampled_from([outcome for outcome in Outcome if outcome != Outcome.ORDERED])


class Team(RuleBasedStateMachine):
    """Three people, four images of one prompt and three of another, a manager with all switches."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.acknowledged: dict[Any, str] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @initialize(overlap=st.integers(1, 3), quota=st.none() | st.integers(2, 6))
    def start(self, overlap: int, quota: int | None) -> None:
        self.people = [User.objects.create(username=f"p{n}") for n in range(3)]
        self.manager = User.objects.create(username="manager")
        self.project = create_project(
            self.manager, name="P", state=Project.State.OPEN, overlap=overlap, quota=quota
        )
        Membership.objects.bulk_create(
            Membership(project=self.project, user=user) for user in self.people
        )
        prompt = self.project.prompts.create(text="a cat")
        self.images = [
            Image.objects.create(
                project=self.project,
                prompt=prompt if n < 4 else None,
                name=str(n),
                path=str(n),
                bytes=1,
                width=1,
                height=1,
            )
            for n in range(7)
        ]

    @rule(who=people, count=st.integers(1, 3))
    def ask_for_pairs(self, who: int, count: int) -> None:
        open_assignments(membership(self.project, self.people[who]), count)

    @rule(who=people, outcome=outcomes)
    def answer(self, who: int, outcome: Outcome) -> None:
        for opened in open_assignments(membership(self.project, self.people[who])).assignments:
            record_comparison(self.people[who], opened.id, outcome)
            self.acknowledged[opened.id] = outcome

    @rule(data=st.data(), outcome=outcomes)
    def resend(self, data: st.DataObject, outcome: Outcome) -> None:
        if not self.acknowledged:
            return
        assignment_id = data.draw(st.sampled_from(sorted(self.acknowledged, key=str)))
        author = Assignment.objects.get(id=assignment_id).annotator
        try:
            _, created = record_comparison(author, assignment_id, outcome)
        except Refused:
            assert outcome != self.acknowledged[assignment_id]
        else:
            assert not created

    @rule(who=people)
    def undo(self, who: int) -> None:
        mine = Comparison.objects.filter(annotator=self.people[who], retracted_at=None)
        last = mine.order_by("-created_at").first()
        if last is not None:
            retract_comparison(self.people[who], last.id)

    @rule(data=st.data())
    def manager_retracts(self, data: st.DataObject) -> None:
        ids = list(Comparison.objects.order_by("created_at").values_list("id", flat=True))
        if ids:
            retract_comparison(self.manager, data.draw(st.sampled_from(ids)))

    @rule(who=people)
    def lease_runs_out(self, who: int) -> None:
        Assignment.objects.filter(annotator=self.people[who], state="open").update(
            expires_at=timezone.now() - timedelta(seconds=1)
        )
        release_expired()

    @rule(which=st.integers(0, 6), excluded=st.booleans())
    def exclude_or_include(self, which: int, excluded: bool) -> None:
        update_image(self.images[which], excluded=excluded)

    @rule(state=st.sampled_from(["open", "open", "paused"]))
    def open_or_pause(self, state: str) -> None:
        update_project(self.project.id, state=state)

    @rule()
    def want_more(self) -> None:
        overlap = min(3, Project.objects.get(id=self.project.id).overlap + 1)
        update_project(self.project.id, overlap=overlap)

    @invariant()
    def promises_hold(self) -> None:
        if not hasattr(self, "images"):
            return
        assert_promises(self.project)
        logged = dict(Comparison.objects.values_list("assignment", "outcome"))
        assert logged == self.acknowledged, "the log is what was acknowledged, and nothing else"


@pytest.mark.django_db
def test_the_promises_hold_whatever_people_do_in_any_order() -> None:
    run_state_machine_as_test(
        Team,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
