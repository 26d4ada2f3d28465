from rest_framework import serializers


class DaySerializer(serializers.Serializer):
    day = serializers.DateField()
    comparisons = serializers.IntegerField()


class ProgressSerializer(serializers.Serializer):
    images = serializers.IntegerField()
    excluded_images = serializers.IntegerField()
    possible_pairs = serializers.IntegerField(
        help_text="Pairs of images of one prompt, for each criterion."
    )
    wanted = serializers.IntegerField(
        help_text="Comparisons wanted: every pair, times the overlap."
    )
    judged = serializers.IntegerField(help_text="Comparisons that count towards them.")
    share = serializers.FloatField(help_text="Judged of wanted, from 0 to 1.")
    outcomes = serializers.DictField(child=serializers.IntegerField())
    retracted = serializers.IntegerField()
    checks = serializers.IntegerField(
        help_text="Comparisons that check the annotators; they count nowhere else here."
    )
    open_assignments = serializers.IntegerField()
    annotators = serializers.IntegerField(help_text="People with a comparison that counts.")
    last_comparison_at = serializers.DateTimeField(allow_null=True)
    days = DaySerializer(many=True, help_text="Judgements on each day (UTC) that has some.")
