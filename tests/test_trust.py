"""Whom can I trust: who clicks without looking is found, and who looks is left alone."""

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from annotation import checks
from annotation.errors import Conflict, Gone
from annotation.models import (
    Assignment,
    Comparison,
    Decision,
    Delivery,
    Flag,
    Image,
    Outcome,
    Pair,
    Project,
    Purpose,
    User,
)
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.flags import dismiss_flag, pause_person, reopen_flag, resume_person
from annotation.services.projects import create_project, update_project
from annotation.services.webhooks import create_webhook
from rating import tasks
from rating.algorithms.attention import (
    FEWEST,
    coin_chance,
    haste_of,
    longest_run,
    run_chance,
    share_of,
    sides_of,
)
from rating.findings import findings
from rating.selectors import signals_of, unreviewed_projects
from rating.selectors.attention import Signals
from rating.services import review_annotators, set_aside, take_back
from tests.api import as_user, url
from tests.conftest import membership
from tests.pages import logged_in

# --- The numbers -------------------------------------------------------------------------------------


def test_a_share_has_wilsons_interval() -> None:
    """Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    published = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605)}
    published |= {(0, 20): (0.0, 0.1611), (1, 29): (0.0061, 0.1718)}
    for (count, of), ends in published.items():
        share = share_of(count, of)
        assert share is not None
        assert (share.low, share.high) == pytest.approx(ends, abs=0.00006)
    assert share_of(0, 0) is None
    with pytest.raises(ValueError, match="no share"):
        share_of(3, 2)


def test_a_coin_is_tested_as_by_hand() -> None:
    assert coin_chance(5, 10) == 1
    assert coin_chance(9, 10) == coin_chance(1, 10) == pytest.approx(22 / 1024)
    assert coin_chance(500, 500) == pytest.approx(2 / 2.0**500)


@pytest.mark.parametrize("n", [1, 2, 7, 11])
def test_the_chance_of_a_row_is_that_of_all_tosses_counted(n: int) -> None:
    tosses = list(itertools.product((1, -1), repeat=n))
    for run in range(1, n + 2):
        counted = sum(longest_run(one) >= run for one in tosses) / len(tosses)
        assert run_chance(run, n) == pytest.approx(counted)


def test_sides_are_told_whichever_it_is() -> None:
    sides = sides_of([-1] * 30 + [1] * 10)
    assert sides is not None
    assert (sides.side, sides.share.count, sides.share.of, sides.run) == (-1, 30, 40, 30)
    assert sides_of([]) is None


def test_too_fast_is_learnt_from_the_others_and_not_from_oneself() -> None:
    slow, slower = np.full(30, 2000.0), np.full(30, 4000.0)
    fast = np.array([500.0] * 30 + [900.0] * 10)
    haste = haste_of(fast, [slow, slower, np.full(5, 1.0)])
    assert haste is not None
    assert haste.fast is not None
    assert haste.limit == 750.0, "a quarter of the median of those who have answered enough"
    assert haste.fast.share == 0.75
    alone = haste_of(fast, [slow])
    assert alone is not None
    assert (alone.median, alone.limit) == (500.0, None), "one other is no crowd"


# --- Simulated people --------------------------------------------------------------------------------


class Simulated:
    """Somebody who answers known pairs, and others, as a seed has it; what they show after n answers.

    errs: how often they take the worse of two images, close pairs and known ones alike; left: how often they
    take the left one without looking; seconds: the median of their times, which vary by half.
    """

    GOLD = 0.1

    def __init__(
        self, seed: int, errs: float = 0.2, left: float | None = None, seconds: float = 2.5
    ):
        rng = np.random.default_rng(seed)
        n = 1000
        right = rng.random(n) > errs
        better_is_left = rng.random(n) < 0.5
        chose_left = right == better_is_left
        if left is not None:
            chose_left = rng.random(n) < left
        self.is_right = chose_left == better_is_left
        self.sides = np.where(chose_left, 1, -1)
        self.gold = rng.random(n) < self.GOLD
        self.durations = 1000 * seconds * np.exp(0.5 * rng.standard_normal(n))

    def signals(self, n: int, crowd: list[np.ndarray]) -> Signals:
        gold = self.is_right[:n][self.gold[:n]]
        return Signals(
            gold=share_of(int(gold.sum()), len(gold)),
            sides=sides_of(self.sides[max(0, n - 500) : n].tolist()),
            haste=haste_of(self.durations[max(0, n - 500) : n], crowd),
        )


CROWD = [Simulated(seed).durations[:300] for seed in range(5)]


def first(who: Simulated, *levels: str) -> int:
    """After how many answers there is a finding, or one of these levels; 1001 if never."""
    for n in range(20, 1001, 40):
        found = {f.level.value for f in findings(Project(), who.signals(n, CROWD))}
        if found & set(levels or ("warn", "pause")):
            return n
    return 1001


def test_a_random_clicker_is_flagged_after_some_hundred_answers() -> None:
    """With every tenth a known one; half of them are right by chance."""
    clickers = [Simulated(seed, errs=0.5) for seed in range(100, 140)]
    assert np.median([first(one) for one in clickers]) <= 280
    assert np.median([first(one, "pause") for one in clickers]) <= 400
    assert np.mean([first(one, "pause") <= 1000 for one in clickers]) >= 0.8


@pytest.mark.parametrize("left", [0.0, 1.0])
def test_who_always_takes_one_side_is_flagged_after_some_twenty_answers(left: float) -> None:
    assert all(first(Simulated(seed, left=left)) == FEWEST for seed in range(10))
    assert all(first(Simulated(seed, left=left), "pause") <= 60 for seed in range(10))


def test_who_mostly_takes_one_side_is_flagged() -> None:
    assert all(first(Simulated(seed, left=0.9)) <= 60 for seed in range(10))


def test_who_is_much_too_fast_is_flagged_after_some_twenty_answers() -> None:
    assert all(first(Simulated(seed, seconds=0.2)) <= 40 for seed in range(10))
    assert all(first(Simulated(seed, seconds=0.2), "pause") <= 100 for seed in range(10))


def test_honest_people_are_not_paused() -> None:
    """200 of them, who err in every fourth or fifth pair, looked at after every 40 of 1,000 answers; some
    are twice as fast as others, and have a slight pull to the left."""
    paused = 0
    for seed in range(200):
        who = Simulated(seed, errs=(0.2, 0.25)[seed % 2], seconds=(2.5, 1.25, 5.0)[seed % 3])
        paused += first(who, "pause") <= 1000
    assert paused / 200 < 0.01


def test_a_pull_to_one_side_convicts_nobody_however_many_answers_there_are() -> None:
    """60 % to the left is beyond any doubt no coin after 1,000 answers, and still somebody who looks."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        sides = sides_of(np.where(rng.random(1000) < 0.6, 1, -1).tolist())
        assert sides is not None
        assert sides.chance < 1e-3
        assert list(findings(Project(), Signals(sides=sides))) == []


def test_few_answers_convict_nobody() -> None:
    n = FEWEST - 1
    signals = Signals(
        gold=share_of(0, n),
        repeat=share_of(0, n),
        sides=sides_of([1] * n),
        haste=haste_of(np.full(n, 1.0), CROWD),
        ties=share_of(n, n),
        typical_ties=0.1,
        skips=share_of(n, n),
        typical_skips=0.0,
    )
    assert list(findings(Project(), signals)) == []


def test_close_pairs_that_nobody_answers_the_same_twice_are_held_against_nobody() -> None:
    inconsistent = Signals(repeat=share_of(50, 110), typical_repeat=0.52)
    assert list(findings(Project(), inconsistent)) == []
    (found,) = findings(Project(), Signals(repeat=share_of(50, 110), typical_repeat=0.85))
    assert (found.signal, found.level) == ("repeat", "warn")


def test_ties_and_skips_unlike_the_others_are_worth_a_look() -> None:
    unlike = Signals(
        ties=share_of(60, 100), typical_ties=0.1, skips=share_of(2, 100), typical_skips=0.6
    )
    assert [(f.signal, f.level) for f in findings(Project(), unlike)] == [
        ("ties", "warn"),
        ("skips", "warn"),
    ]
    like = Signals(ties=share_of(30, 100), typical_ties=0.2)
    assert list(findings(Project(), like)) == []


# --- In a project ------------------------------------------------------------------------------------

Answer = Callable[..., None]


@pytest.fixture
def log(project: Project) -> Answer:
    """`log(bob, 30, Outcome.LEFT, gold=True)`: so many answers, as the services would have written them."""
    rows = [
        Image(project=project, name=str(n), path=str(n), gold=n, bytes=1, width=1, height=1)
        for n in range(2)
    ]
    worse, better = Image.objects.bulk_create(rows)
    low, high = sorted((worse.id, better.id))
    criterion = project.criteria.get()
    pair = Pair.objects.create(project=project, criterion=criterion, low_id=low, high_id=high)

    def answer(
        user: User,
        count: int,
        right: bool | Outcome = True,
        gold: bool = True,
        duration_ms: int = 2000,
    ) -> None:
        """On alternating sides, so that only a given outcome is one-sided."""
        shown = [
            Assignment(
                project=project,
                criterion=criterion,
                pair=pair,
                annotator=user,
                purpose=Purpose.GOLD if gold else Purpose.RANKING,
                left=(better, worse)[n % 2],
                right=(worse, better)[n % 2],
                strategy="gold" if gold else "random",
                state=Assignment.State.ANSWERED,
                expires_at=timezone.now(),
            )
            for n in range(count)
        ]
        Assignment.objects.bulk_create(shown)
        Comparison.objects.bulk_create(
            Comparison(
                assignment=one,
                project=project,
                criterion=criterion,
                annotator=user,
                purpose=one.purpose,
                left=one.left,
                right=one.right,
                outcome=right
                if isinstance(right, Outcome)
                else (Outcome.LEFT if (one.left == better) == right else Outcome.RIGHT),
                duration_ms=duration_ms,
            )
            for one in shown
        )
        Project.objects.filter(id=project.id).update(revision=Comparison.objects.count())

    return answer


db = pytest.mark.django_db


def paused(project: Project, user: User) -> bool:
    return membership(project, user).paused_at is not None


@db
def test_known_answers_are_counted_a_tie_as_half_and_without_what_was_undone(
    project: Project, log: Answer, bob: User
) -> None:
    log(bob, 6, True)
    log(bob, 3, False)
    log(bob, 2, Outcome.TIE)
    log(bob, 2, Outcome.BOTH_BAD)
    log(bob, 2, Outcome.SKIP)
    log(bob, 5, True, gold=False)
    wrong = Comparison.objects.filter(purpose="gold").order_by("created_at", "id")[8]
    retract_comparison(bob, wrong.id)
    gold = signals_of(project, [bob.id])[bob.id].gold
    assert gold is not None
    assert gold.of == 10
    Image.objects.update(gold=None)
    assert signals_of(project, [bob.id])[bob.id].gold is None, "what is known no more is no answer"


@db
def test_repeats_are_the_same_where_the_same_image_won(
    project: Project, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "chance", random.Random(2))
    Image.objects.bulk_create(
        Image(project=project, name=str(n), path=str(n), bytes=1, width=1, height=1)
        for n in range(12)
    )
    update_project(project.id, gold_share=0, repeat_share=0.5)
    project.refresh_from_db()
    outcomes = {Outcome.LEFT: Outcome.RIGHT, Outcome.RIGHT: Outcome.LEFT}
    said: dict[int | None, Outcome] = {}
    expected: list[bool | None] = []
    while len(expected) < 9:
        (opened,) = open_assignments(membership(project, bob)).assignments
        if opened.purpose == Purpose.REPEAT:
            # The other side is the same image; every third time another one, every third a tie.
            same: bool | None = (True, False, None)[len(expected) % 3]
            before = said[opened.pair_id]
            outcome = Outcome.TIE if same is None else outcomes[before] if same else before
            expected.append(same)
        else:
            outcome = said[opened.pair_id] = (Outcome.LEFT, Outcome.RIGHT)[len(said) % 2]
        record_comparison(bob, opened.id, outcome)
    signals = signals_of(project, [bob.id])[bob.id]
    assert signals.repeat is not None
    assert (signals.repeat.count, signals.repeat.of, signals.undecided) == (3, 6, 3)


@db
def test_who_answers_known_pairs_by_chance_is_flagged_and_paused_and_told_kindly(
    project: Project, add_images: Any, log: Answer, bob: User, carol: User
) -> None:
    add_images(3)
    open_now = open_assignments(membership(project, bob), 2).assignments
    log(carol, 40, True)
    log(bob, 20, True)
    log(bob, 20, False)
    (flag,) = review_annotators(project.id)
    assert (flag.annotator, flag.signal, flag.level) == (bob, "gold", "pause")
    assert flag.summary == ("20 of 40 known answers are right: 50 % (35–65 %), surely below 65 %.")
    assert (flag.facts["of"], flag.facts["limit"]) == (40, 0.65)
    assert paused(project, bob)
    assert not paused(project, carol)
    decision = Decision.objects.get()
    assert (decision.kind, decision.decided_by, decision.reason) == ("paused", None, flag.summary)
    for lease in open_now:
        lease.refresh_from_db()
        assert lease.state == "released"
        with pytest.raises(Gone):
            record_comparison(bob, lease.id, Outcome.LEFT)
    opened = open_assignments(membership(project, bob))
    assert opened.assignments == []
    assert opened.reason.startswith("Your work in this project is paused; the manager has been")
    pairs = Pair.objects.filter(id__in=[lease.pair_id for lease in open_now])
    assert {pair.taken for pair in pairs} == {0}, "they are for others"
    assert Comparison.objects.filter(annotator=bob, retracted_at=None).count() == 40


@db
def test_a_review_again_says_nothing_again(project: Project, log: Answer, bob: User) -> None:
    log(bob, 40, Outcome.LEFT, gold=False)
    assert len(review_annotators(project.id)) == 1
    assert review_annotators(project.id) == []
    assert Flag.objects.count() == Decision.objects.count() == 1


@db
def test_first_a_warning_then_a_pause(project: Project, log: Answer, bob: User) -> None:
    log(bob, 20, Outcome.LEFT, gold=False)
    (warned,) = review_annotators(project.id)
    assert (warned.level, paused(project, bob)) == ("warn", False)
    assert review_annotators(project.id) == []
    log(bob, 20, Outcome.LEFT, gold=False)
    (graver,) = review_annotators(project.id)
    assert (graver.level, paused(project, bob)) == ("pause", True)
    assert Flag.objects.count() == 2, "the warning stays"


@db
def test_the_program_pauses_nobody_where_managers_decide(
    project: Project, log: Answer, alice: User, bob: User
) -> None:
    update_project(project.id, pause_automatically=False)
    log(bob, 40, Outcome.LEFT, gold=False)
    (flag,) = review_annotators(project.id)
    assert (flag.level, flag.decision, paused(project, bob)) == ("pause", "", False)
    pause_person(project, bob.id, alice, "as discussed")
    flag.refresh_from_db()
    assert (flag.decision, paused(project, bob)) == ("paused", True)
    assert Decision.objects.get().decided_by == alice


@db
def test_limits_are_the_projects(project: Project, log: Answer, bob: User) -> None:
    log(bob, 15, True)
    log(bob, 15, False)
    update_project(project.id, warn_below=0.0, pause_below=0.0)
    assert review_annotators(project.id) == []
    update_project(project.id, warn_below=0.95)
    assert [flag.level for flag in review_annotators(project.id)] == ["warn"]


@db
def test_a_dismissed_flag_comes_back_only_for_new_reasons(
    project: Project, log: Answer, alice: User, bob: User
) -> None:
    log(bob, 20, Outcome.LEFT, gold=False)
    (flag,) = review_annotators(project.id)
    dismiss_flag(project, flag.id, alice, "they were easy")
    dismiss_flag(project, flag.id, alice, "twice is once")
    log(bob, FEWEST - 1, Outcome.LEFT, gold=False)
    assert review_annotators(project.id) == [], "too little is new"
    log(bob, 1, Outcome.LEFT, gold=False)
    (again,) = review_annotators(project.id)
    assert again.facts["of"] == FEWEST, "the facts are those since"
    with pytest.raises(Conflict, match="newer flag"):
        reopen_flag(project, flag.id, alice)
    kinds = Decision.objects.order_by("created_at").values_list("kind", "reason", "flag")
    assert list(kinds) == [("dismissed", "they were easy", flag.id)]


@db
def test_a_dismissal_is_taken_back(project: Project, log: Answer, alice: User, bob: User) -> None:
    log(bob, 20, Outcome.LEFT, gold=False)
    (flag,) = review_annotators(project.id)
    dismiss_flag(project, flag.id, alice)
    assert reopen_flag(project, flag.id, alice).decision == ""
    assert review_annotators(project.id) == [], "the flag stands already"
    kinds = Decision.objects.order_by("created_at").values_list("kind", flat=True)
    assert list(kinds) == ["dismissed", "reopened"]


@db
def test_who_is_resumed_goes_on_and_begins_anew(
    project: Project, add_images: Any, log: Answer, alice: User, bob: User
) -> None:
    add_images(3)
    log(bob, 40, Outcome.LEFT, gold=False)
    review_annotators(project.id)
    resume_person(project, bob.id, alice, "they promised")
    resume_person(project, bob.id, alice, "twice is once")
    assert open_assignments(membership(project, bob)).assignments
    assert Flag.objects.get().decision == "resumed"
    assert review_annotators(project.id) == [], "what was before counts no more"
    log(bob, 40, Outcome.LEFT, gold=False)
    assert len(review_annotators(project.id)) == 1
    assert paused(project, bob)
    kinds = Decision.objects.order_by("created_at").values_list("kind", "decided_by__username")
    assert list(kinds) == [("paused", None), ("resumed", "alice"), ("paused", None)]


@db
def test_a_paused_person_may_undo_but_is_not_asked_again(
    project: Project, images: list[Image], alice: User, bob: User
) -> None:
    (opened,) = open_assignments(membership(project, bob)).assignments
    made, _ = record_comparison(bob, opened.id, Outcome.LEFT)
    pause_person(project, bob.id, alice)
    assert retract_comparison(bob, made.id).retracted_at is not None
    assert not Assignment.objects.filter(annotator=bob, state="open").exists()
    assert Pair.objects.get(id=opened.pair_id).taken == 0


@db
def test_to_be_set_aside_and_taken_back_is_logged_too(
    project: Project, log: Answer, alice: User, bob: User
) -> None:
    log(bob, 1)
    set_aside(project, bob.id, alice, "always left")
    take_back(project, bob.id, alice)
    kinds = Decision.objects.order_by("created_at").values_list("kind", "decided_by__username")
    assert list(kinds) == [("set_aside", "alice"), ("taken_back", "alice")]


@db
def test_webhooks_are_told_of_a_flag_once(
    project: Project, log: Answer, alice: User, bob: User, settings: Any
) -> None:
    settings.WEBHOOK_TARGETS = ["hooks.example.org"]
    create_webhook(project, alice, "https://hooks.example.org/")
    log(bob, 40, Outcome.LEFT, gold=False)
    (flag,) = review_annotators(project.id)
    review_annotators(project.id)
    told = Delivery.objects.get(event="annotator.flagged").payload["data"]
    assert (told["flag"], told["annotator"], told["level"]) == (
        str(flag.id),
        str(bob.id),
        "pause",
    )


@db
def test_the_worker_looks_where_people_have_compared_and_only_there(
    project: Project, log: Answer, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(tasks.review_project, "apply_async", lambda args, **_: sent.append(args))
    log(bob, 40, Outcome.LEFT, gold=False)
    tasks.review()
    assert sent == [(str(project.id),)]
    tasks.review_project(str(project.id))
    assert Flag.objects.count() == 1
    assert unreviewed_projects() == []


# --- API and page ------------------------------------------------------------------------------------


@db
def test_flags_and_decisions_by_the_api(
    project: Project, log: Answer, alice: User, rita: User, bob: User
) -> None:
    log(bob, 40, Outcome.LEFT, gold=False)
    review_annotators(project.id)
    reviewer, manager = as_user(rita), as_user(alice)
    flags = url("flags", project_id=project.id)
    (flag,) = reviewer.get(flags, {"open": "true"}).json()["results"]
    assert (flag["username"], flag["signal"], flag["decision"]) == ("bob", "side", "paused")
    assert flag["facts"]["side"] == "left"
    assert reviewer.get(flags, {"open": "maybe"}).status_code == 400
    people = reviewer.get(url("annotators", project_id=project.id)).json()["results"]
    (shown,) = (person for person in people if person["username"] == "bob")
    assert shown["signals"]["sides"]["share"]["of"] == 40
    assert shown["signals"]["gold"] is None
    assert "left image was chosen in 40 of 40" in shown["paused"]["reason"]
    where = url("annotator", project_id=project.id, user_id=bob.id)
    assert manager.patch(where, {}).status_code == 400
    resumed = manager.patch(where, {"paused": False, "reason": "a talk"}).json()
    assert resumed["paused"] is None
    one = url("flag", project_id=project.id, flag_id=flag["id"])
    assert manager.patch(one, {"dismissed": True}).json()["decision"] == "dismissed"
    assert reviewer.get(flags, {"open": "true"}).json()["results"] == []
    assert len(reviewer.get(flags, {"open": "false"}).json()["results"]) == 1
    log_ = reviewer.get(url("decisions", project_id=project.id)).json()["results"]
    assert [(line["kind"], line["decided_by"]) for line in log_] == [
        ("dismissed", "alice"),
        ("resumed", "alice"),
        ("paused", None),
    ]


@db
def test_ids_of_another_project_decide_nothing(
    project: Project, log: Answer, bob: User, dave: User
) -> None:
    log(bob, 20, Outcome.LEFT, gold=False)
    (flag,) = review_annotators(project.id)
    own = create_project(dave, name="Dave's")
    client = as_user(dave)
    there = url("flag", project_id=own.id, flag_id=flag.id)
    assert client.patch(there, {"dismissed": True}).status_code == 404
    browser = logged_in(dave)
    for name, id in (
        ("dismiss_flag", flag.id),
        ("reopen_flag", flag.id),
        ("pause_person", bob.id),
        ("resume_person", bob.id),
    ):
        assert browser.post(reverse(name, args=[own.id, id])).status_code == 404
    flag.refresh_from_db()
    assert (flag.decision, paused(project, bob)) == ("", False)


@db
def test_a_manager_decides_on_the_dashboard(
    project: Project, log: Answer, alice: User, rita: User, bob: User
) -> None:
    log(bob, 20, Outcome.LEFT, gold=False)
    (flag,) = review_annotators(project.id)
    client, at = logged_in(alice), reverse("dashboard", args=[project.id])
    page = client.get(at).content.decode()
    assert "Whom can I trust?" in page
    assert "The left image was chosen in 20 of 20 pairs: 100 % (84–100 %)." in page
    reading = logged_in(rita).get(at).content.decode()
    assert "left image was chosen" in reading
    assert "Dismiss" not in reading
    for name, id, said in (
        ("pause_person", bob.id, "Paused."),
        ("resume_person", bob.id, "Resumed."),
        ("dismiss_flag", flag.id, "Dismissed."),
        ("reopen_flag", flag.id, "open again"),
    ):
        answer = client.post(
            reverse(name, args=[project.id, id]), {"reason": "<i>so</i>"}, follow=True
        )
        assert said in answer.content.decode(), name
        assert "&lt;i&gt;so&lt;/i&gt;" in answer.content.decode()
        too_long = client.post(
            reverse(name, args=[project.id, id]), {"reason": "x" * 301}, follow=True
        )
        assert "up to 300 characters" in too_long.content.decode()
    assert Decision.objects.count() == 4


@db
def test_a_paused_person_sees_no_invitation_to_compare(
    project: Project, images: list[Image], alice: User, bob: User
) -> None:
    compare = reverse("compare", args=[project.id])
    listed = logged_in(bob).get(reverse("projects")).content.decode()
    pause_person(project, bob.id, alice, "a secret reason")
    after = logged_in(bob).get(reverse("projects")).content.decode()
    assert listed != after
    assert logged_in(bob).get(compare).status_code == 200
    asked = as_user(bob).post(url("assignments", project_id=project.id), {}).json()
    assert asked["results"] == []
    assert "secret" not in str(asked)
