"""Whatever people do, in any order: the promises hold after each step."""

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import pytest
from django.db import transaction
from django.db.models import F
from django.test import override_settings
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
from annotation.models import (
    Assignment,
    Cause,
    Comparison,
    Criterion,
    Image,
    Lineup,
    Membership,
    Outcome,
    Pair,
    Project,
    Proposal,
    Screen,
    User,
)
from annotation.pairing.proposals import lineup_digest
from annotation.services.assignments import open_assignments, release_expired
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.flags import pause_person, resume_person
from annotation.services.images import update_image
from annotation.services.projects import create_project, update_project
from annotation.services.queue import refill
from tests.conftest import membership
from tests.promises import assert_promises

people = st.integers(0, 2)
screens = st.sampled_from(list(Screen))
causes = st.sampled_from(list(Cause))
outcomes = st.sampled_from([outcome for outcome in Outcome if outcome != Outcome.ORDERED])


def proposes_anything(project: Project, criterion: Criterion, count: int) -> list[Proposal]:
    """What no picker should: twice the same, images of two prompts, excluded ones, an image with itself."""
    images = sorted(Image.objects.filter(project=project), key=lambda image: image.name)
    found = []
    for n in range(min(count, 6)):
        several = images[n : n + (2 if project.screen == Screen.PAIR else project.screen_size)]
        ids = [several[0].id, several[-1].id if n % 2 else several[0].id]
        if project.screen != Screen.PAIR:
            found.append(lineup(project, criterion, [str(image.id) for image in several]))
        found += [pair(project, criterion, ids)] * 2
    return found


def pair(project: Project, criterion: Criterion, ids: list[UUID]) -> Proposal:
    low, high = sorted(ids)
    return Proposal(
        project=project, criterion=criterion, low_id=low, high_id=high, strategy="odd", position=0
    )


def lineup(project: Project, criterion: Criterion, ids: list[str]) -> Proposal:
    return Proposal(
        project=project,
        criterion=criterion,
        screen=project.screen,
        images=ids,
        digest=lineup_digest(UUID(id) for id in ids),
        strategy="odd",
        position=0,
    )


def levels_of(shown: Assignment) -> list[list[str]] | None:
    """An answer to several images, as its screen asks for."""
    ids = shown.shown
    if ids is None:
        return None
    if shown.screen == Screen.BEST:
        return [ids[:1], ids[1:]]
    if shown.screen == Screen.BEST_WORST:
        return [ids[:1], ids[1:-1], ids[-1:]]
    return [[id] for id in ids]


class Team(RuleBasedStateMachine):
    """Three people, four images of one prompt, three and two of others, a manager with all switches, and a
    worker that fills the queue now and then with whatever."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.settings = override_settings(PAIR_PICKER=f"{__name__}.proposes_anything")
        self.settings.enable()
        self.acknowledged: dict[Any, Outcome] = {}

    def teardown(self) -> None:
        self.settings.disable()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @initialize(
        overlap=st.integers(1, 3),
        quota=st.none() | st.integers(2, 6),
        screen=screens,
        share=st.sampled_from([0.0, 0.3, 1.0]),
        together=st.booleans(),
        undo_steps=st.none() | st.integers(0, 2),
    )
    def start(
        self,
        overlap: int,
        quota: int | None,
        screen: Screen,
        share: float,
        together: bool,
        undo_steps: int | None,
    ) -> None:
        self.people = [User.objects.create(username=f"p{n}") for n in range(3)]
        self.manager = User.objects.create(username="manager")
        self.project = create_project(
            self.manager,
            name="P",
            state=Project.State.OPEN,
            overlap=overlap,
            quota=quota,
            gold_share=0.3,
            screen=screen,
            random_share=share,
            criteria=[{"key": "better"}, {"key": "sharper"}] if together else None,
            criteria_together=together,
            undo_steps=undo_steps,
        )
        self.criterion = self.project.criteria.all()[0]
        Membership.objects.bulk_create(
            Membership(project=self.project, user=user) for user in self.people
        )
        prompts = [self.project.prompts.create(text=text) for text in ("a cat", "a dog")]
        self.images = [
            Image.objects.create(
                project=self.project,
                prompt=prompts[0] if n < 4 else None if n < 7 else prompts[1],
                name=str(n),
                gold=n % 2,
                path=str(n),
                bytes=1,
                width=1,
                height=1,
            )
            for n in range(9)
        ]

    @rule(who=people, count=st.integers(1, 3))
    def ask_for_pairs(self, who: int, count: int) -> None:
        open_assignments(membership(self.project, self.people[who]), count)

    @rule(who=people, outcome=outcomes, cause=causes)
    def answer(self, who: int, outcome: Outcome, cause: Cause) -> None:
        """All that is on the screen; but nothing more of images that are amiss."""
        person = membership(self.project, self.people[who])
        for opened in open_assignments(person).assignments:
            opened.refresh_from_db()
            if opened.state == "open":
                self._answer(opened, outcome, cause)

    @rule(data=st.data(), outcome=outcomes, cause=causes, waited=st.integers(0, 120_000))
    def answer_late(self, data: st.DataObject, outcome: Outcome, cause: Cause, waited: int) -> None:
        """What is on a screen yet, or was given back meanwhile, for whatever reason."""
        ids = Assignment.objects.exclude(state="answered").order_by("created_at", "id")
        if not ids:
            return
        shown = data.draw(st.sampled_from(list(ids)))
        with suppress(Refused):
            self._answer(shown, outcome, cause, waited_ms=waited)

    def _answer(self, shown: Assignment, outcome: Outcome, cause: Cause, **more: Any) -> None:
        levels = None if outcome == Outcome.SKIP else levels_of(shown)
        said = Outcome.ORDERED if levels else outcome
        more |= {"cause": cause} if said == Outcome.SKIP else {}
        record_comparison(shown.annotator, shown.id, said, levels=levels, **more)
        self.acknowledged[shown.id] = said

    @rule(data=st.data(), outcome=outcomes)
    def resend(self, data: st.DataObject, outcome: Outcome) -> None:
        if not self.acknowledged:
            return
        assignment_id = data.draw(st.sampled_from(sorted(self.acknowledged, key=str)))
        shown = Assignment.objects.get(id=assignment_id)
        levels = None if outcome == Outcome.SKIP else levels_of(shown)
        outcome = Outcome.ORDERED if levels else outcome
        try:
            _, created = record_comparison(shown.annotator, assignment_id, outcome, levels=levels)
        except Refused:
            assert outcome != self.acknowledged[assignment_id]
        else:
            assert not created

    @rule(who=people)
    def undo(self, who: int) -> None:
        mine = list(Comparison.objects.filter(annotator=self.people[who]))
        left = [comparison for comparison in mine if comparison.retracted_at is None]
        if not left:
            return
        last = left[-1]
        later = len(mine) - mine.index(last) - 1
        steps = self.project.undo_steps
        try:
            retract_comparison(self.people[who], last.id)
        except Refused:
            assert steps is not None
            assert later >= steps
        else:
            assert steps is None or later < steps

    @rule(data=st.data())
    def manager_retracts(self, data: st.DataObject) -> None:
        ids = list(Comparison.objects.order_by("created_at").values_list("id", flat=True))
        if ids:
            retract_comparison(self.manager, data.draw(st.sampled_from(ids)))

    @rule(who=people)
    def lease_runs_out(self, who: int) -> None:
        Assignment.objects.filter(annotator=self.people[who], state="open").update(
            expires_at=timezone.now() - timedelta(minutes=1)
        )
        release_expired()

    @rule(who=people, paused=st.booleans())
    def pause_or_resume(self, who: int, paused: bool) -> None:
        decide = pause_person if paused else resume_person
        decide(self.project, self.people[who].id, self.manager)

    @rule(which=st.integers(0, 8), excluded=st.booleans())
    def exclude_or_include(self, which: int, excluded: bool) -> None:
        update_image(self.images[which], excluded=excluded)

    @rule(state=st.sampled_from(["open", "open", "paused"]))
    def open_or_pause(self, state: str) -> None:
        update_project(self.project.id, state=state)

    @rule()
    def want_more(self) -> None:
        overlap = min(3, Project.objects.get(id=self.project.id).overlap + 1)
        update_project(self.project.id, overlap=overlap)

    @rule(screen=screens, size=st.integers(3, 5))
    def show_something_else(self, screen: Screen, size: int) -> None:
        update_project(self.project.id, screen=screen, screen_size=size)

    @rule(together=st.booleans())
    def ask_together_or_not(self, together: bool) -> None:
        update_project(self.project.id, criteria_together=together)

    @rule(strategy=st.sampled_from(["adaptive", "random"]))
    def worker_fills_the_queue(self, strategy: str) -> None:
        update_project(self.project.id, strategy=strategy)
        refill(self.project.id)

    @rule(which=st.lists(st.integers(0, 8), min_size=2, max_size=4, unique=True))
    def something_stale_is_in_the_queue(self, which: list[int]) -> None:
        self.project.refresh_from_db()
        ids = sorted(self.images[n].id for n in which)
        if len(ids) == 2:
            pair(self.project, self.criterion, ids).save()
        elif self.project.screen != Screen.PAIR:
            lineup(self.project, self.criterion, [str(id) for id in ids]).save()

    @rule(who=people)
    def what_is_full_is_proposed_once_more(self, who: int) -> None:
        """As when two fillings of the queue propose the same: its places are taken by now."""
        self.project.refresh_from_db()
        full = Pair.objects.filter(taken__gte=self.project.overlap)
        full = full.exclude(assignments__annotator=self.people[who])
        Proposal.objects.filter(project=self.project).delete()
        for row in full:
            pair(self.project, row.criterion, [row.low_id, row.high_id]).save()
        open_assignments(membership(self.project, self.people[who]))

    @rule(who=people)
    def a_reload_consumes_nothing(self, who: int) -> None:
        first = open_assignments(membership(self.project, self.people[who])).assignments
        waiting = Proposal.objects.count()
        again = open_assignments(membership(self.project, self.people[who])).assignments
        assert [shown.id for shown in again] == [shown.id for shown in first]
        assert Proposal.objects.count() == waiting or not first

    @invariant()
    def promises_hold(self) -> None:
        if not hasattr(self, "images"):
            return
        assert_promises(self.project)
        for shown in (Pair, Lineup):
            over = shown._default_manager.filter(taken__gt=F("project__overlap"))
            assert not over.exists(), "the overlap has only grown, so nothing has more places taken"
        logged = dict(Comparison.objects.values_list("assignment", "outcome"))
        assert logged == self.acknowledged, "the log is what was acknowledged, and nothing else"


@pytest.mark.django_db
def test_the_promises_hold_whatever_people_do_in_any_order() -> None:
    run_state_machine_as_test(
        Team,
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
