"""Examples, and the practice before the first pair."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation import limits
from annotation.models import Criterion, Project


class ExampleUseForm(forms.Form):
    """What may be changed of an example: its images and its question stay."""

    explanation = forms.CharField(
        required=False,
        max_length=limits.EXPLANATION,
        label=_("Why it is better"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    practice = forms.TypedChoiceField(
        label=_("Use"),
        choices=[
            ("", _("Shown with the instructions")),
            ("on", _("Practised before the first pair")),
        ],
        required=False,
        coerce=bool,
        empty_value=False,  # type: ignore[arg-type]  # coerced, as all its values are
    )


class ExampleForm(ExampleUseForm):
    better = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={"required": _("Choose the better image.")},
    )
    worse = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={"required": _("Choose the worse image.")},
    )
    criterion = forms.ModelChoiceField(
        Criterion.objects.none(), label=_("Question"), empty_label=None
    )
    field_order = ("criterion", "explanation", "practice")

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        criteria = project.criteria.all()
        field = self.fields["criterion"]
        field.queryset = criteria  # type: ignore[attr-defined]
        field.label_from_instance = lambda criterion: criterion.question  # type: ignore[attr-defined]


class PracticeForm(forms.Form):
    example = forms.UUIDField()
    chosen = forms.UUIDField()
    round = forms.IntegerField(min_value=1, max_value=1000)
