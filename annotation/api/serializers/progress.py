from rest_framework import serializers

from annotation.models import Fallback, Screen


class DaySerializer(serializers.Serializer):
    day = serializers.DateField()
    comparisons = serializers.IntegerField()


class ScreenSerializer(serializers.Serializer):
    screen = serializers.ChoiceField(choices=Screen.choices)
    judged = serializers.IntegerField()
    images = serializers.FloatField(help_text="Images on a screen, on average.")
    pairs = serializers.FloatField(
        help_text="Of how many pairs of images an answer says which is better, on average."
    )
    seconds = serializers.FloatField(
        allow_null=True, help_text="The median of the latest; null where none was timed."
    )


class RandomInsteadSerializer(serializers.Serializer):
    pairs = serializers.IntegerField(help_text="How many there were in the last 24 hours.")
    shown = serializers.IntegerField(help_text="All pairs shown for the ranking in that time.")
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    reason = serializers.ChoiceField(
        choices=Fallback.choices, help_text="The most frequent one of them."
    )
    over = serializers.BooleanField(help_text="Whether the strategy has chosen a pair since.")


class ProgressSerializer(serializers.Serializer):
    images = serializers.IntegerField()
    excluded_images = serializers.IntegerField()
    possible_pairs = serializers.IntegerField(
        help_text="Pairs of images of one prompt, for each criterion."
    )
    complete_pairs = serializers.IntegerField(
        help_text="Those of which all comparisons that are wanted are there."
    )
    wanted = serializers.IntegerField(
        help_text="Comparisons wanted: every pair, times the overlap."
    )
    judged = serializers.IntegerField(
        help_text="Comparisons that count towards them: of each pair as many as the overlap at most."
    )
    comparisons = serializers.IntegerField(
        help_text="All comparisons that were made, without skips and what was undone."
    )
    share = serializers.FloatField(help_text="Judged of wanted, from 0 to 1.")
    outcomes = serializers.DictField(child=serializers.IntegerField())
    retracted = serializers.IntegerField()
    checks = serializers.IntegerField(
        help_text="Comparisons that check the annotators; they count nowhere else here."
    )
    open_assignments = serializers.IntegerField()
    annotators = serializers.IntegerField(help_text="People with a comparison that counts.")
    last_comparison_at = serializers.DateTimeField(allow_null=True)
    screens = ScreenSerializer(many=True, help_text="The kinds of screens that were judged.")
    random_instead = RandomInsteadSerializer(
        allow_null=True,
        help_text="Pairs drawn at random though the project's strategy should have chosen them; null where "
        "all is as set: the random share, a random strategy, and a project's first minutes do not count.",
    )
    days = DaySerializer(many=True, help_text="Judgements on each day (UTC) that has some.")
