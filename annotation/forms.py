"""The shape of what people send by forms; whether it may be done is the services' business."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import slugify

from annotation.imports.kinds import KINDS
from annotation.models import Criterion, Import, Project, Role, Scope
from annotation.tokens import DAYS, MOST_DAYS
from annotation.webhooks import EVENTS

ROLE_NAMES = {
    Role.ANNOTATOR: "Annotator",
    Role.REVIEWER: "Reviewer",
    Role.MANAGER: "Manager",
}


class NewPersonForm(forms.Form):
    username = forms.CharField(
        max_length=150,
        label="Choose a username",
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        max_length=1000,
        strip=False,
        label="Choose a password",
        help_text="At least 8 characters, and not an easily guessed one.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


# Project.target may be empty; all else has a value, and keeps it unless another is sent.
MAY_BE_LEFT_OUT = {
    *("goal", "top", "screen", "screen_size", "gold_share", "repeat_share"),
    *("warn_below", "pause_below"),
    *("target", "target_value"),
}


class ProjectForm(forms.ModelForm):
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
        )
        labels = {
            "allow_tie": "Ties are allowed",
            "overlap": "Comparisons a pair",
            "quota": "Comparisons a person",
            "lease_seconds": "Reservation, in seconds",
            "random_share": "Random share",
            "goal": "What the ranking is for",
            "top": "Images in the top",
            "screen": "What annotators are shown",
            "screen_size": "Images on a screen of several",
            "gold_share": "Share of known answers",
            "repeat_share": "Share of repeated pairs",
            "warn_below": "Warn below this share of known answers",
            "pause_below": "Pause below",
            "pause_automatically": "Pause people automatically",
            "target": "Accuracy wanted",
            "target_value": "At least",
            "close_at_target": "Close the project there",
        }
        help_texts = {
            "instructions": "Shown to annotators beside the pairs.",
            "state": "Pairs are shown only while the project is open.",
        }
        widgets = {"instructions": forms.Textarea(attrs={"rows": 4})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in MAY_BE_LEFT_OUT:
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        """What was not sent stays as it is."""
        cleaned = super().clean() or {}
        for name in MAY_BE_LEFT_OUT & cleaned.keys():
            if self.fields[name].widget.value_omitted_from_data(self.data, self.files, name):
                del cleaned[name]
            elif cleaned[name] is None:
                self.add_error(name, "This field is required.")
        return cleaned


class StateForm(forms.Form):
    state = forms.ChoiceField(choices=Project.State.choices)


class CriterionForm(forms.Form):
    question = forms.CharField(max_length=300, required=False)
    key = forms.CharField(
        max_length=50, required=False, validators=Criterion._meta.get_field("key").validators
    )

    def clean(self) -> dict[str, Any]:
        """A question without a key gets one; a line without a question is no criterion."""
        cleaned = super().clean() or {}
        question, key = cleaned.get("question", ""), cleaned.get("key", "")
        if question and not key and "key" not in self.errors:
            cleaned["key"] = slugify(question).lstrip("0123456789-_")[:50] or "better"
        return cleaned


CriterionFormSet = forms.formset_factory(CriterionForm, extra=1)


def criterion_forms(data: Any, project: Project | None = None) -> Any:
    """A line for each criterion of the project, and one to add another."""
    asked = (
        list(project.criteria.values("key", "question"))
        if project
        else [{"key": "better", "question": "Which image is better?"}]
    )
    return CriterionFormSet(data, initial=asked, prefix="criteria")


def criteria_of(filled: Any) -> list[dict[str, str]]:
    lines = [form.cleaned_data for form in filled.forms]
    return [
        {"key": line["key"], "question": line["question"]} for line in lines if line.get("question")
    ]


class ExcludeForm(forms.Form):
    excluded = forms.BooleanField(required=False)
    reason = forms.CharField(max_length=300, required=False)


class GalleryForm(forms.Form):
    """Which of a project's images a page shows, as its address says it."""

    show = forms.ChoiceField(choices=[("used", "In use"), ("excluded", "Excluded")], required=False)
    q = forms.CharField(max_length=500, required=False)
    prompt = forms.UUIDField(required=False)

    def wanted(self) -> dict[str, Any]:
        """As `images_of` takes it; what makes no sense is left out."""
        self.is_valid()
        given = self.cleaned_data
        return {
            "excluded": {"used": False, "excluded": True}.get(given.get("show", "")),
            "search": given.get("q", ""),
            "prompt": given.get("prompt"),
        }


class PromptForm(forms.Form):
    prompt = forms.CharField(max_length=20_000, required=False)


class ChangeImagesForm(PromptForm):
    """What is to become of the images that are ticked, or of all that match."""

    action = forms.ChoiceField(
        choices=[("prompt", "Set the prompt"), ("exclude", "Exclude"), ("take_back", "Take back")]
    )
    everything = forms.BooleanField(required=False)
    images = forms.TypedMultipleChoiceField(coerce=UUID, required=False)
    reason = forms.CharField(max_length=300, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["images"].valid_value = lambda value: True  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("images") and not cleaned.get("everything"):
            raise forms.ValidationError("Tick the images first, or all that match.")
        return cleaned

    def changes(self) -> dict[str, Any]:
        """As `update_images` takes it."""
        if self.cleaned_data["action"] == "prompt":
            return {"prompt": self.cleaned_data["prompt"]}
        return {
            "excluded": self.cleaned_data["action"] == "exclude",
            "reason": self.cleaned_data["reason"],
        }


class _SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files of one input, as a list."""

    widget = _SeveralFiles

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, (list, tuple)) else [data]
        return [super(FilesField, self).clean(file, initial) for file in files or [None]]


class UploadForm(forms.Form):
    pictures = FilesField(
        label="Pictures",
        # What is refused for its content is refused one by one, with its reason; not so an empty one.
        allow_empty_file=True,
        help_text=f"Up to {settings.DATA_UPLOAD_MAX_NUMBER_FILES} at a time.",
        widget=_SeveralFiles(attrs={"accept": "image/*,.heic,.heif,.avif"}),
    )
    prompt = forms.CharField(
        required=False,
        max_length=20_000,
        help_text="If they were made for a prompt. Only images of one prompt are compared.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    model = forms.CharField(
        required=False, max_length=200, help_text="What made them. Annotators never see it."
    )


class ImportForm(forms.Form):
    """Where pictures or comparisons are to come from; which fields are needed depends on the source."""

    source = forms.ChoiceField(widget=forms.RadioSelect, label="From where")
    file = forms.FileField(
        required=False, label="Upload a file", help_text="A zip, a manifest, or comparisons."
    )
    path = forms.CharField(required=False, max_length=4000, label="Or a path of the server")
    folder = forms.CharField(
        required=False,
        max_length=4000,
        label="Folder",
        help_text="What the paths of a manifest are relative to; its own folder, unless given.",
    )
    bucket = forms.CharField(required=False, max_length=100)
    prefix = forms.CharField(required=False, max_length=1000)  # type: ignore[assignment]  # its name
    image_column = forms.CharField(required=False, max_length=200, label="Column with the picture")
    prompt_column = forms.CharField(required=False, max_length=200, label="Column with the prompt")
    criterion = forms.CharField(
        required=False,
        max_length=50,
        help_text="The key of the one that comparisons are about; the first, unless given.",
    )
    annotator = forms.CharField(
        required=False,
        max_length=150,
        help_text="The member who made the comparisons; you, unless given.",
    )
    read_prompts = forms.BooleanField(
        required=False, initial=True, label="Take prompts that generators wrote into the pictures"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(key, f"{Import.Source(key).label}: {kind.help}") for key, kind in KINDS.items()]
        self.fields["source"].choices = choices  # type: ignore[attr-defined]
        self.fields["source"].initial = Import.Source.ZIP

    def options(self) -> dict[str, Any]:
        """What was filled in, beside the source and the file."""
        given = {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in ("source", "file", "read_prompts") and value
        }
        if "read_prompts" in KINDS[self.cleaned_data["source"]].takes:
            given["read_prompts"] = self.cleaned_data["read_prompts"]
        return given


class RoleForm(forms.Form):
    role = forms.TypedChoiceField(
        choices=[(role.value, name) for role, name in ROLE_NAMES.items()], coerce=Role
    )


class MemberForm(RoleForm):
    username = forms.CharField(max_length=150)
    field_order = ("username", "role")


class InvitationForm(RoleForm):
    note = forms.CharField(
        max_length=200, required=False, help_text="For whom it is. Only managers see it."
    )


class TokenForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="What it is for, so that you know it again.")
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="It may only",
        help_text="With none it may do all that you may.",
    )
    days = forms.IntegerField(
        initial=DAYS, min_value=1, max_value=MOST_DAYS, label="It works for so many days"
    )


class WebhookForm(forms.Form):
    url = forms.CharField(
        max_length=2000,
        label="Address",
        help_text="One that the operator of this service allows.",
        widget=forms.URLInput,
    )
    events = forms.MultipleChoiceField(
        choices=[(event, event) for event in EVENTS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Tell it only of",
        help_text="With none it is told of everything.",
    )
