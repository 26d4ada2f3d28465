"""Filling the queue of proposals that people are handed; it is derived, and may be emptied at any time."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from functools import cache, partial
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from annotation.alone import alone
from annotation.chance import chance
from annotation.models import Assignment, Comparison, Criterion, Fallback, Image, Project, Proposal
from annotation.pairing import Picker, has_picker
from annotation.pairing.drawing import draw_random
from annotation.pairing.proposals import images_of, proposal_of, shows_lineups
from annotation.pairing.uniform import draw_uniform, full_among
from annotation.wake_up import post

logger = logging.getLogger(__name__)

# How many proposals a criterion's queue is filled with. Random ones are as good made later.
LEAST, MOST, MOST_RANDOM = 32, 1000, 128
# What people did so long ago tells how many they will want until the next filling.
RECENT = timedelta(minutes=10)
# A queue that was filled before then is filled anew, if somebody still works at the project.
STALE = timedelta(minutes=10)
WORKED_AT = timedelta(hours=1)


def refill(project_id: UUID, *, wait: bool = False) -> int:
    """Replace what is left of the project's queue by new proposals; how many there are now.

    One filling of a project at a time: with wait=False another one that is under way is left to it. Nobody
    who asks for a pair ever waits for a filling: what is being handed out is passed over.
    """
    with alone("refill", project_id, wait=wait) as mine:
        project = Project.objects.filter(
            id=project_id, deleted_at=None, state=Project.State.OPEN
        ).first()
        if not mine or project is None:
            return 0
        criteria = list(project.criteria.all())
        count = _wanted(project, len(criteria))
        filled = 0
        for criterion in criteria:
            proposals = propose(project, criterion, count)
            filled += _replace(criterion, proposals)
        return filled


@transaction.atomic
def empty(project_id: UUID) -> None:
    """What was proposed under other settings is not handed out any more; a worker fills the queue anew."""
    _drop(Proposal.objects.filter(project=project_id))
    transaction.on_commit(partial(post, "annotation.tasks.refill", project_id))


def queues_to_fill() -> list[UUID]:
    """The open projects that somebody works at, or nobody yet, with an empty queue or one that is stale."""
    fresh = Proposal.objects.filter(criterion=OuterRef("id"), created_at__gt=Now() - STALE)
    lacking = Criterion.objects.filter(~Exists(fresh), project=OuterRef("id"))
    compared = Comparison.objects.filter(project=OuterRef("id"))
    shown = Assignment.objects.filter(project=OuterRef("id"), state=Assignment.State.OPEN)
    at_work = Exists(compared.filter(created_at__gt=Now() - WORKED_AT)) | Exists(shown)
    waiting = ~Exists(compared) & ~Exists(Proposal.objects.filter(project=OuterRef("id")))
    projects = Project.objects.filter(
        Exists(lacking),
        at_work | waiting,
        Exists(Image.objects.filter(project=OuterRef("id"), excluded=False)),
        state=Project.State.OPEN,
        deleted_at=None,
    )
    return list(projects.order_by("id").values_list("id", flat=True))


def _wanted(project: Project, criteria: int) -> int:
    """For a couple of minutes at the pace of late, and some for each person who is at work."""
    recent = Comparison.objects.filter(project=project, created_at__gt=Now() - RECENT)
    pace = recent.order_by()[: 4 * criteria * MOST].count()
    at_work = Assignment.objects.filter(
        project=project, state=Assignment.State.OPEN, expires_at__gt=Now()
    ).aggregate(people=Count("annotator", distinct=True))
    return min(MOST, max(LEAST, 8 * int(at_work["people"]), pace // (4 * criteria)))


# --- What goes into it -------------------------------------------------------------------------------


def propose(project: Project, criterion: Criterion, count: int) -> list[Proposal]:
    """By the project's strategy, with the random share in random places; random ones where that fails.

    Those say why in `fallback`.
    """
    if not has_picker(project):
        return draw_random(project, criterion, min(count, MOST_RANDOM))
    share = project.random_share
    tossed = [chance.random() < share for _ in range(count)]
    picked = _picked(project, criterion, tossed.count(False)) if not all(tossed) else []
    if isinstance(picked, Fallback):
        instead = draw_random(project, criterion, min(count, MOST_RANDOM))
        for proposal in instead:
            proposal.fallback = picked
        return instead
    return _mixed(tossed, picked, draw_uniform(project, criterion, tossed.count(True), share))


def _picked(project: Project, criterion: Criterion, count: int) -> list[Proposal] | Fallback:
    """What the picker proposes and is legal, or why there is nothing."""
    try:
        proposals = list(_picker(settings.PAIR_PICKER)(project, criterion, count))
        return _legal(project, criterion, proposals)[:count] or Fallback.NOTHING
    except TimeoutError:
        logger.exception("The pair picker took too long; project %s gets random pairs.", project.id)
        return Fallback.TIMED_OUT
    except Exception:
        logger.exception("The pair picker failed; project %s gets random pairs.", project.id)
        return Fallback.FAILED


@cache
def _picker(path: str) -> Picker:
    picker: Picker = import_string(path)
    return picker


def _legal(project: Project, criterion: Criterion, proposals: list[Proposal]) -> list[Proposal]:
    """Those of several legal images of one prompt that have a place left, as rows of this queue."""
    wanted = [images_of(proposal) for proposal in proposals]
    legal = Image.objects.filter(project=project, excluded=False)
    prompts = dict(
        legal.filter(id__in={id for ids in wanted for id in ids}).values_list("id", "prompt_id")
    )
    most = project.screen_size if shows_lineups(project) else 2
    keep = 1 - project.random_share
    full = full_among(project, criterion, [tuple(ids) for ids in wanted])
    kept, illegal = [], 0
    for ids, proposal in zip(wanted, proposals, strict=True):
        known = all(id in prompts for id in ids) and len({prompts[id] for id in ids}) == 1
        if not known or len(set(ids)) != len(ids) or not 2 <= len(ids) <= most:
            illegal += 1
            continue
        if tuple(ids) in full:
            continue
        own = proposal.probability
        kept.append(
            proposal_of(
                project,
                criterion,
                ids,
                strategy=proposal.strategy,
                probability=None if own is None else keep * own,
            )
        )
    if illegal:
        logger.warning(
            "The pair picker proposed %s that are not legal in project %s; they are dropped.",
            illegal,
            project.id,
        )
    return kept


def _mixed(tossed: Iterable[bool], picked: list[Proposal], drawn: list[Proposal]) -> list[Proposal]:
    """Each place has its toss. The queue ends where its kind has run out, so that the shares stay true."""
    kinds = {False: iter(picked), True: iter(drawn)}
    mixed = []
    for random_one in tossed:
        proposal = next(kinds[random_one], None)
        if proposal is not None:
            mixed.append(proposal)
        elif not random_one:
            break
    return mixed


# --- The rows ----------------------------------------------------------------------------------------


def _replace(criterion: Criterion, proposals: list[Proposal]) -> int:
    """In one transaction; the old ones are there until its very end, so that hardly anybody finds nothing."""
    for position, proposal in enumerate(proposals):
        proposal.position = position
    try:
        with transaction.atomic():
            old = Proposal.objects.filter(criterion=criterion).order_by("-id")
            last = old.values_list("id", flat=True).first() or 0
            Proposal.objects.bulk_create(proposals)
            if connection.vendor == "postgresql":
                # Now, not at the commit, when the old ones are locked already.
                connection.check_constraints()
            _drop(Proposal.objects.filter(criterion=criterion, id__lte=last))
    except IntegrityError as error:
        # An image or the criterion was just deleted; the sweep tries again.
        logger.warning("The queue of criterion %s was not filled: %s", criterion.id, error)
        return 0
    return len(proposals)


def _drop(proposals: QuerySet[Proposal]) -> None:
    """In the caller's transaction. What is just being handed out is going anyway, and is not waited for."""
    free = proposals.order_by().select_for_update(skip_locked=True)
    Proposal.objects.filter(id__in=list(free.values_list("id", flat=True))).delete()
