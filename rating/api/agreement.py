from dataclasses import asdict
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import limits
from annotation.access import project_for
from annotation.api.schema import operation, query
from annotation.api.views.base import View
from annotation.models import Pair, Role, Scope
from annotation.selectors import criterion_asked
from rating.algorithms.agreement import FEWEST, Agreement, agreement, share
from rating.selectors.agreement import VALUES, counts_of, judged_pairs


class PairAgreementSerializer(serializers.Serializer):
    """A pair that two or more people judged, and how many said what."""

    first = serializers.UUIDField(source="low_id", help_text="An image's id.")
    second = serializers.UUIDField(source="high_id", help_text="The other's.")
    first_name = serializers.CharField(source="low.name")
    second_name = serializers.CharField(source="high.name")
    prompt = serializers.CharField(source="low.prompt.text", default="")
    judgements = serializers.IntegerField()
    first_better = serializers.IntegerField(source="low_wins")
    second_better = serializers.IntegerField(source="high_wins")
    ties = serializers.IntegerField()
    both_bad = serializers.IntegerField()
    agreement = serializers.SerializerMethodField(
        help_text="Of the pairs of people who judged it, the share that said the same."
    )

    def get_agreement(self, pair: Pair) -> float:
        return share([getattr(pair, name) for name in VALUES])


class AgreementSerializer(serializers.Serializer):
    """How far people agree on one criterion, and a page of the pairs that say so."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    criterion = serializers.CharField()
    pairs = serializers.IntegerField(help_text="Pairs that two or more people judged.")
    judgements = serializers.IntegerField(help_text="Their judgements of them.")
    agreement = serializers.FloatField(
        allow_null=True, help_text="The share of pairs of such judgements that say the same."
    )
    alpha = serializers.FloatField(
        allow_null=True,
        help_text="Krippendorff's alpha: 1 for full agreement, 0 for that of chance.",
    )
    alpha_low = serializers.FloatField(allow_null=True, help_text="Its 95 % interval begins here,")
    alpha_high = serializers.FloatField(allow_null=True, help_text="and ends here.")
    reason = serializers.CharField(
        allow_blank=True, help_text="Why there is no alpha; empty if there is one."
    )
    results = PairAgreementSerializer(many=True)


class AgreementView(View):
    @operation(
        "get_agreement",
        "See how far people agree who judged the same pairs",
        description="Left, right, tie and both bad are four different answers. Retracted comparisons, skips "
        "and people who are set aside do not count.",
        scopes=[Scope.READ],
        answers=AgreementSerializer,
        refusals=(400, 401, 403, 404),
        parameters=[
            query("criterion", "A criterion's key; the project's first, unless given."),
            query("cursor", "Where the page begins, as the links have it.", longest=limits.CURSOR),
            query("page_size", "How many results a page has, up to 1000.", int),
        ],
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.REVIEWER)
        criterion = criterion_asked(project, request.query_params.get("criterion"))
        self.unless_known(project.revision)
        pairs = judged_pairs(criterion)
        found = agreement(counts_of(pairs))
        told = asdict(found)
        told |= {"pairs": told.pop("things"), "agreement": told.pop("share")}
        return self.page(
            pairs,
            PairAgreementSerializer,
            "id",
            **told,
            criterion=criterion.key,
            reason=_why_no_alpha(found),
        )


def _why_no_alpha(found: Agreement) -> str:
    if found.alpha is not None:
        return ""
    if found.things < FEWEST:
        return (
            f"Only {found.things} pairs were judged by two or more people; {FEWEST} are needed. "
            "Raise the project's overlap to have more."
        )
    return "Everybody always said the same, and then chance would agree as well."
