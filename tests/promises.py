"""The promises that hold after anything: one function, which every test of a fault or a crowd calls."""

from collections import Counter
from uuid import UUID

from django.db.models import Count, Q
from django.db.models.functions import Now

from annotation.models import (
    Assignment,
    Comparison,
    Image,
    Lineup,
    LineupImage,
    Outcome,
    Pair,
    Project,
    Purpose,
)
from annotation.pairing.proposals import lineup_digest
from annotation.services.imported_comparisons import STRATEGY
from rating.selectors import read_log
from rating.services import recompute
from rating.services.runs import fit

# What was made elsewhere was not shown by us: it takes places, but may be more than we would ask for.
SHOWN_BY_US = ~Q(strategy=STRATEGY)


def assert_promises(project: Project, acknowledged: Counter | None = None) -> None:
    """V1, V2 and V3 of the project as the database has it now.

    acknowledged: how often each assignment's comparison was acknowledged by the service, if known.
    """
    project.refresh_from_db()
    if acknowledged is not None:
        _every_acknowledged_comparison_is_there_once(project, acknowledged)
    _ratings_are_a_function_of_the_log(project)
    _overlap_is_exact(project)
    _nobody_gets_the_same_twice_unless_they_undid_it(project)
    _what_is_shown_is_what_it_is_said_to_be(project)
    _quota_is_kept(project)
    _nobody_is_shown_an_excluded_image(project)


def _every_acknowledged_comparison_is_there_once(project: Project, acknowledged: Counter) -> None:
    logged = Counter(
        Comparison.objects.filter(project=project).values_list("assignment", flat=True)
    )
    assert set(logged) == set(acknowledged)
    assert set(logged.values()) <= {1}


def _ratings_are_a_function_of_the_log(project: Project) -> None:
    run = recompute(project.id)
    assert run.revision == project.revision
    log = read_log(project.id)
    assert run.comparisons == len(log.label)
    anew = fit(log).ratings
    stored = run.ratings.values_list("criterion", "image", "mu", "sigma")
    images = [(group.criterion_id, image) for group in log.groups for image in group.images]
    rated = zip(images, anew.mu.tolist(), anew.sigma.tolist(), strict=True)
    assert set(stored) == {(*image, mu, sigma) for image, mu, sigma in rated}, "bit for bit"


def _overlap_is_exact(project: Project) -> None:
    """Of pairs and of lineups alike. Checks have no place: they neither take one nor are limited by them."""
    ranking = Q(assignments__purpose=Purpose.RANKING)
    held = ranking & Q(assignments__state=Assignment.State.OPEN)
    judged = ranking & Q(
        assignments__comparison__isnull=False,
        assignments__comparison__retracted_at=None,
    )
    judged &= ~Q(assignments__comparison__outcome=Outcome.SKIP)
    for shown in (Pair, Lineup):
        for row in shown._default_manager.filter(project=project).annotate(
            held=Count("assignments", filter=held),
            judged=Count("assignments", filter=judged),
            judged_here=Count("assignments", filter=judged & ~Q(assignments__strategy=STRATEGY)),
        ):
            assert row.taken == row.held + row.judged, (
                f"the places of {row} are not its assignments"
            )
            assert row.judged_here <= project.overlap, f"{row} was judged more often than wanted"


def _nobody_gets_the_same_twice_unless_they_undid_it(project: Project) -> None:
    """For the ranking: a check may show once more what somebody knows."""
    first_showings = Assignment.objects.filter(
        SHOWN_BY_US, project=project, purpose=Purpose.RANKING, replaces=None
    )
    shown = Counter(first_showings.values_list("pair", "lineup", "annotator"))
    assert set(shown.values()) <= {1}
    for again in Assignment.objects.filter(project=project).exclude(replaces=None):
        before = again.replaces
        assert before is not None
        assert before.comparison.retracted_at is not None
        assert (again.pair_id, again.lineup_id) == (before.pair_id, before.lineup_id)
        assert (again.left_id, again.right_id, again.shown) == (
            before.left_id,
            before.right_id,
            before.shown,
        )


def _what_is_shown_is_what_it_is_said_to_be(project: Project) -> None:
    """The images on a screen are those of its pair or lineup, each once, and of one prompt."""
    for shown in Assignment.objects.filter(project=project).select_related("pair", "lineup"):
        if shown.pair is not None:
            on_screen = [shown.left_id, shown.right_id]
            known = [shown.pair.low_id, shown.pair.high_id]
        else:
            on_screen = [UUID(id) for id in shown.shown]
            known = list(shown.lineup.images.values_list("id", flat=True))
            assert shown.lineup.digest == lineup_digest(known)
            assert 3 <= len(known) <= 9
        assert sorted(on_screen) == sorted(known)
        assert len(set(Image.objects.filter(id__in=known).values_list("prompt", flat=True))) == 1


def _quota_is_kept(project: Project) -> None:
    if project.quota is None:
        return
    judged = (
        Comparison.objects.filter(project=project, retracted_at=None)
        .exclude(outcome=Outcome.SKIP)
        .exclude(assignment__strategy=STRATEGY)
    )
    open_ = Assignment.objects.filter(
        project=project, state=Assignment.State.OPEN, expires_at__gt=Now()
    )
    used = Counter(judged.values_list("annotator", flat=True))
    used.update(open_.values_list("annotator", flat=True))
    assert all(count <= project.quota for count in used.values())


def _nobody_is_shown_an_excluded_image(project: Project) -> None:
    open_ = Assignment.objects.filter(project=project, state=Assignment.State.OPEN)
    with_one = LineupImage.objects.filter(image__excluded=True).values("lineup")
    gone = Q(left__excluded=True) | Q(right__excluded=True) | Q(lineup__in=with_one)
    assert not open_.filter(gone).exists()
