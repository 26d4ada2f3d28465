"""A project: its rules and questions, and whom it tells."""

from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator, MaxValueValidator
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation import limits
from annotation.models import Criterion, Project
from annotation.webhooks import EVENTS

# Some of these may be empty; all else has a value, and keeps it unless another is sent.
MAY_BE_LEFT_OUT = {
    *("goal", "top", "screen", "screen_size", "gold_share", "repeat_share"),
    *("warn_below", "pause_below"),
    *("target", "target_value"),
    *("tags", "undo_steps", "pause_after"),
}


class TagsField(forms.Field):
    """A list of texts, as one text with commas or line breaks between them."""

    widget = forms.TextInput

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        if isinstance(value, list):
            return value
        parts = [part.strip() for line in (value or "").splitlines() for part in line.split(",")]
        return [part for part in parts if part]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(initial) != self.to_python(data)


class ProjectForm(forms.ModelForm):
    tags = TagsField(
        required=False,
        label=_("Tags"),
        help_text=_(
            "Up to nine words that annotators may tick beside an answer, with commas between them."
        ),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    class Meta:
        model = Project
        fields = (
            "name",
            "instructions",
            "state",
            "allow_tie",
            "overlap",
            "quota",
            "lease_seconds",
            "strategy",
            "random_share",
            "goal",
            "top",
            "screen",
            "screen_size",
            "gold_share",
            "repeat_share",
            "warn_below",
            "pause_below",
            "pause_automatically",
            "target",
            "target_value",
            "close_at_target",
            "show_prompt",
            "criteria_together",
            "ask_strength",
            "ask_reason",
            "tags",
            "undo_steps",
            "pause_after",
        )
        labels = {
            "name": _("Name"),
            "instructions": _("Instructions"),
            "state": _("State"),
            "strategy": _("Strategy"),
            "allow_tie": _("Ties are allowed"),
            "overlap": _("Comparisons a pair"),
            "quota": _("Comparisons a person"),
            "lease_seconds": _("Reservation, in seconds"),
            "random_share": _("Random share"),
            "goal": _("What the ranking is for"),
            "top": _("Images in the top"),
            "screen": _("What annotators are shown"),
            "screen_size": _("Images on a screen of several"),
            "gold_share": _("Share of known answers"),
            "repeat_share": _("Share of repeated pairs"),
            "warn_below": _("Warn below this share of known answers"),
            "pause_below": _("Pause below"),
            "pause_automatically": _("Pause people automatically"),
            "target": _("Accuracy wanted"),
            "target_value": _("At least"),
            "close_at_target": _("Close the project there"),
            "show_prompt": _("Show the prompt"),
            "criteria_together": _("All questions about a pair together"),
            "ask_strength": _("Ask how much better"),
            "ask_reason": _("Ask for a reason"),
            "undo_steps": _("Steps that may be undone"),
            "pause_after": _("Suggest a pause after, in minutes"),
        }
        help_texts = {
            "instructions": _("Shown to annotators beside the pairs."),
            "state": _("Pairs are shown only while the project is open."),
        }
        widgets = {"instructions": forms.Textarea(attrs={"rows": 4})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in MAY_BE_LEFT_OUT:
            self.fields[name].required = False
        self.fields["instructions"].validators.append(MaxLengthValidator(limits.INSTRUCTIONS))
        self.fields["quota"].validators.append(MaxValueValidator(limits.QUOTA))

    def clean(self) -> dict[str, Any]:
        """What was not sent stays as it is."""
        cleaned = super().clean() or {}
        for name in MAY_BE_LEFT_OUT & cleaned.keys():
            if self.fields[name].widget.value_omitted_from_data(self.data, self.files, name):
                del cleaned[name]
            elif cleaned[name] is None and not Project._meta.get_field(name).null:
                self.add_error(name, _("This field is required."))
        return cleaned


class StateForm(forms.Form):
    state = forms.ChoiceField(choices=Project.State.choices)


class CriterionForm(forms.Form):
    question = forms.CharField(label=_("Question"), max_length=limits.QUESTION, required=False)
    key = forms.CharField(
        label=_("Key"),
        max_length=limits.CRITERION_KEY,
        required=False,
        validators=Criterion._meta.get_field("key").validators,
    )

    def clean(self) -> dict[str, Any]:
        """A question without a key gets one; a line without a question is no criterion."""
        cleaned = super().clean() or {}
        question, key = cleaned.get("question", ""), cleaned.get("key", "")
        if question and not key and "key" not in self.errors:
            cleaned["key"] = slugify(question).lstrip("0123456789-_")[:50] or "better"
        return cleaned


CriterionFormSet = forms.formset_factory(
    CriterionForm,
    extra=1,
    max_num=limits.CRITERIA,
    validate_max=True,
    absolute_max=limits.CRITERIA + 1,
)


def criterion_forms(data: Any, project: Project | None = None) -> Any:
    """A line for each criterion of the project, and one to add another."""
    asked = (
        list(project.criteria.values("key", "question"))
        if project
        else [{"key": "better", "question": gettext("Which image is better?")}]
    )
    return CriterionFormSet(data, initial=asked, prefix="criteria")


def criteria_of(filled: Any) -> list[dict[str, str]]:
    lines = [form.cleaned_data for form in filled.forms]
    return [
        {"key": line["key"], "question": line["question"]} for line in lines if line.get("question")
    ]


class WebhookForm(forms.Form):
    url = forms.CharField(
        max_length=limits.ADDRESS,
        label=_("Address"),
        help_text=_("One that the operator of this service allows."),
        widget=forms.URLInput,
    )
    events = forms.MultipleChoiceField(
        choices=[(event, event) for event in EVENTS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Tell it only of"),
        help_text=_("With none it is told of everything."),
    )
