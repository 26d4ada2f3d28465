"""The shape of what people send by forms; whether it may be done is the services' business."""

from annotation.forms.images import (
    ChangeImagesForm,
    ExcludeForm,
    FilesField,
    GalleryForm,
    ImportForm,
    PromptForm,
    UploadForm,
)
from annotation.forms.introduction import ExampleForm, ExampleUseForm, PracticeForm
from annotation.forms.people import (
    ROLE_NAMES,
    InvitationForm,
    KeysForm,
    MemberForm,
    NewPersonForm,
    RoleForm,
    TokenForm,
)
from annotation.forms.project import (
    MAY_BE_LEFT_OUT,
    CriterionForm,
    ProjectForm,
    StateForm,
    TagsField,
    WebhookForm,
    criteria_of,
    criterion_forms,
)

__all__ = [
    "MAY_BE_LEFT_OUT",
    "ROLE_NAMES",
    "ChangeImagesForm",
    "CriterionForm",
    "ExampleForm",
    "ExampleUseForm",
    "ExcludeForm",
    "FilesField",
    "GalleryForm",
    "ImportForm",
    "InvitationForm",
    "KeysForm",
    "MemberForm",
    "NewPersonForm",
    "PracticeForm",
    "ProjectForm",
    "PromptForm",
    "RoleForm",
    "StateForm",
    "TagsField",
    "TokenForm",
    "UploadForm",
    "WebhookForm",
    "criteria_of",
    "criterion_forms",
]
