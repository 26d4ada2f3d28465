"""Pictures: which are shown, how they change, and where they come from."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import MaxLengthValidator
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation import limits
from annotation.errors import Invalid
from annotation.imports.kinds import KINDS
from annotation.models import Import


class ExcludeForm(forms.Form):
    excluded = forms.BooleanField(required=False)
    reason = forms.CharField(max_length=limits.REASON, required=False)


class GalleryForm(forms.Form):
    """Which of a project's images a page shows, as its address says it."""

    show = forms.ChoiceField(
        choices=[("used", _("In use")), ("excluded", _("Excluded")), ("reported", _("Reported"))],
        required=False,
    )
    q = forms.CharField(max_length=limits.SEARCH, required=False)
    prompt = forms.UUIDField(required=False)

    def wanted(self) -> dict[str, Any]:
        """As `images_of` takes it; what makes no sense is left out, but for a search that is too long."""
        if not self.is_valid() and "q" in self.errors:
            raise Invalid(str(self.errors["q"][0]), "q")
        given = self.cleaned_data
        return {
            "excluded": {"used": False, "excluded": True}.get(given.get("show", "")),
            "search": given.get("q", ""),
            "prompt": given.get("prompt"),
            "reported": given.get("show") == "reported" or None,
        }


class PromptForm(forms.Form):
    prompt = forms.CharField(max_length=limits.PROMPT, required=False)


class ChangeImagesForm(PromptForm):
    """What is to become of the images that are ticked, or of all that match."""

    action = forms.ChoiceField(
        choices=[
            ("prompt", _("Set the prompt")),
            ("exclude", _("Exclude")),
            ("take_back", _("Take back")),
        ]
    )
    everything = forms.BooleanField(required=False)
    images = forms.TypedMultipleChoiceField(
        coerce=UUID, required=False, validators=[MaxLengthValidator(limits.IMAGES_NAMED)]
    )
    reason = forms.CharField(max_length=limits.REASON, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["images"].valid_value = lambda value: True  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("images") and not cleaned.get("everything"):
            raise forms.ValidationError(_("Tick the images first, or all that match."))
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
        max_length=limits.FILE_NAME,
        label=_("Pictures"),
        # What is refused for its content is refused one by one, with its reason; not so an empty one.
        allow_empty_file=True,
        help_text=format_lazy(
            _("Up to {most} at a time."), most=settings.DATA_UPLOAD_MAX_NUMBER_FILES
        ),
        widget=_SeveralFiles(attrs={"accept": "image/*,.heic,.heif,.avif"}),
    )
    prompt = forms.CharField(
        label=_("Prompt"),
        required=False,
        max_length=limits.PROMPT,
        help_text=_("If they were made for a prompt. Only images of one prompt are compared."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    model = forms.CharField(
        label=_("Model"),
        required=False,
        max_length=limits.MODEL_NAME,
        help_text=_("What made them. Annotators never see it."),
    )


class ImportForm(forms.Form):
    """Where pictures or comparisons are to come from; which fields are needed depends on the source."""

    source = forms.ChoiceField(widget=forms.RadioSelect, label=_("From where"))
    file = forms.FileField(
        required=False,
        max_length=limits.FILE_NAME,
        label=_("Upload a file"),
        help_text=_("A zip, a manifest, or comparisons."),
    )
    path = forms.CharField(
        required=False, max_length=limits.SERVER_PATH, label=_("Or a path of the server")
    )
    folder = forms.CharField(
        required=False,
        max_length=limits.SERVER_PATH,
        label=_("Folder"),
        help_text=_("What the paths of a manifest are relative to; its own folder, unless given."),
    )
    bucket = forms.CharField(label=_("Bucket"), required=False, max_length=limits.BUCKET)
    prefix = forms.CharField(label=_("Prefix"), required=False, max_length=limits.PREFIX)  # type: ignore[assignment]  # its name
    image_column = forms.CharField(
        required=False, max_length=limits.COLUMN, label=_("Column with the picture")
    )
    prompt_column = forms.CharField(
        required=False, max_length=limits.COLUMN, label=_("Column with the prompt")
    )
    criterion = forms.CharField(
        label=_("Criterion"),
        required=False,
        max_length=limits.CRITERION_KEY,
        help_text=_(
            "The key of the one that comparisons are about; needed if the project has several."
        ),
    )
    annotator = forms.CharField(
        label=_("Annotator"),
        required=False,
        max_length=limits.ACCOUNT_NAME,
        help_text=_("The member who made the comparisons; you, unless given."),
    )
    read_prompts = forms.BooleanField(
        required=False,
        initial=True,
        label=_("Take prompts that generators wrote into the pictures"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [
            (key, f"{Import.Source(key).label}: {gettext(kind.help)}")
            for key, kind in KINDS.items()
        ]
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
