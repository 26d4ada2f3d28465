"""The signals of people, as the API shows them."""

from typing import Any

from rest_framework import serializers


class ShareSerializer(serializers.Serializer):
    """A share of `of`, within low … high with 95 %."""

    count = serializers.FloatField(help_text="A tie on a known answer counts as half.")
    of = serializers.IntegerField()
    share = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class SidesSerializer(serializers.Serializer):
    """How often the side that was chosen more often was chosen, and what a fair coin would do."""

    side = serializers.SerializerMethodField(help_text="`left` or `right`.")
    share = ShareSerializer()
    chance = serializers.FloatField(help_text="Of a share as far from a half, by a fair coin.")
    run = serializers.IntegerField(help_text="The longest row of one side.")
    run_chance = serializers.FloatField(help_text="Of a row as long, by a fair coin.")

    def get_side(self, sides: Any) -> str:
        return "left" if sides.side > 0 else "right"


class HasteSerializer(serializers.Serializer):
    median_ms = serializers.FloatField(source="median")
    limit_ms = serializers.FloatField(
        source="limit",
        allow_null=True,
        help_text="A quarter of what others take, if that is known.",
    )
    fast = ShareSerializer(
        allow_null=True, help_text="Of the answers, those faster than the limit."
    )


class SignalsSerializer(serializers.Serializer):
    """What a person's latest comparisons show; null is what nothing is known of."""

    gold = ShareSerializer(
        allow_null=True, help_text="Of the known answers, those that were right."
    )
    repeat = ShareSerializer(
        allow_null=True, help_text="Of the repeated pairs, those answered as before."
    )
    sides = SidesSerializer(allow_null=True)
    haste = HasteSerializer(allow_null=True)
    ties = ShareSerializer(allow_null=True)
    skips = ShareSerializer(allow_null=True)
