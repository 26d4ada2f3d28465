"""What a person does before the first pair: reads, practises, and begins."""

from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.http import Http404
from django.utils.translation import gettext as _

from annotation.errors import Conflict, Invalid
from annotation.models import Membership, PracticeAnswer
from annotation.selectors.introduction import practice_of
from annotation.showings import id_of

MOST_ROUNDS = 100


@transaction.atomic
def practise(
    membership: Membership, example_id: UUID, chosen: UUID, round: int = 1
) -> PracticeAnswer:
    """Keep whether the better image was chosen, which is named by its showing or by its own id.

    In a round the first answer counts.
    """
    example = membership.project.examples.filter(id=example_id, practice=True).first()
    if example is None:
        raise Http404("There is no such pair to practise in this project.")
    better, worse = (
        (image, id_of(example, image, blind=True))
        for image in (example.better_id, example.worse_id)
    )
    if chosen not in better + worse:
        raise Invalid(_("Choose one of the two images."), "chosen")
    # One person's tabs wait here for one another.
    Membership.objects.select_for_update().get(id=membership.id)
    last = membership.practice_answers.aggregate(last=Max("round"))["last"] or 0
    if not 1 <= round <= min(last + 1, MOST_ROUNDS):
        raise Invalid(
            _("This page is out of date. Go on with the pair that is shown now."), "round"
        )
    answer, _created = PracticeAnswer.objects.get_or_create(
        membership=membership,
        example=example,
        round=round,
        defaults={"right": chosen in better},
    )
    return answer


def start_comparing(membership: Membership) -> None:
    """From now on the person is shown pairs, if there was something to practise: once it is done."""
    if membership.introduced_at is None and not practice_of(membership).done:
        raise Conflict(_("First practise the pairs of the introduction; then you can start."))
    Membership.objects.filter(id=membership.id, introduced_at=None).update(introduced_at=Now())
