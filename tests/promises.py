"""The promises that hold after anything: one function, which every test of a fault or a crowd calls."""

from collections import Counter

from django.db.models import Count, Q
from django.db.models.functions import Now

from annotation.models import Assignment, Comparison, Outcome, Pair, Project, Purpose
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
    _nobody_gets_a_pair_twice_unless_they_undid_it(project)
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
    assert run.comparisons == len(log.label) + len(log.lineups)
    anew = fit(log).ratings
    stored = run.ratings.values_list("criterion", "image", "mu", "sigma")
    images = [(group.criterion_id, image) for group in log.groups for image in group.images]
    rated = zip(images, anew.mu.tolist(), anew.sigma.tolist(), strict=True)
    assert set(stored) == {(*image, mu, sigma) for image, mu, sigma in rated}, "bit for bit"


def _overlap_is_exact(project: Project) -> None:
    judged = Q(
        assignments__comparison__isnull=False,
        assignments__comparison__retracted_at=None,
        assignments__purpose=Purpose.RANKING,
    ) & ~Q(assignments__comparison__outcome=Outcome.SKIP)
    for pair in Pair.objects.filter(project=project).annotate(
        # Checks hold no place.
        held=Count(
            "assignments",
            filter=Q(
                assignments__state=Assignment.State.OPEN, assignments__purpose=Purpose.RANKING
            ),
        ),
        judged=Count("assignments", filter=judged),
        judged_here=Count("assignments", filter=judged & ~Q(assignments__strategy=STRATEGY)),
    ):
        assert pair.taken == pair.held + pair.judged, "a pair's places do not match its assignments"
        assert pair.judged_here <= project.overlap, "a pair was judged more often than wanted"


def _nobody_gets_a_pair_twice_unless_they_undid_it(project: Project) -> None:
    first_showings = Assignment.objects.filter(
        SHOWN_BY_US, project=project, replaces=None, purpose=Purpose.RANKING
    )
    shown = Counter(first_showings.values_list("pair", "annotator"))
    assert set(shown.values()) <= {1}
    for again in Assignment.objects.filter(project=project).exclude(replaces=None):
        assert again.replaces is not None
        assert again.replaces.comparison.retracted_at is not None
        assert (again.left_id, again.right_id) == (again.replaces.left_id, again.replaces.right_id)


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
    assert not open_.filter(Q(left__excluded=True) | Q(right__excluded=True)).exists()
