"""People, and what is theirs: roles, tokens, keys."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation import keys, limits
from annotation.errors import Invalid
from annotation.models import Role, Scope, User
from annotation.tokens import DAYS, MOST_DAYS

ROLE_NAMES = {
    Role.ANNOTATOR: _("Annotator"),
    Role.REVIEWER: _("Reviewer"),
    Role.MANAGER: _("Manager"),
}


class NewPersonForm(forms.Form):
    username = forms.CharField(
        max_length=limits.ACCOUNT_NAME,
        label=_("Choose a username"),
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        max_length=limits.PASSWORD,
        strip=False,
        label=_("Choose a password"),
        help_text=_("At least 8 characters, and not an easily guessed one."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class RoleForm(forms.Form):
    role = forms.TypedChoiceField(
        label=_("Role"),
        choices=[(role.value, name) for role, name in ROLE_NAMES.items()],
        coerce=Role,
    )


class MemberForm(RoleForm):
    username = forms.CharField(label=_("Username"), max_length=limits.ACCOUNT_NAME)
    field_order = ("username", "role")


class InvitationForm(RoleForm):
    note = forms.CharField(
        label=_("Note"),
        max_length=limits.NOTE,
        required=False,
        help_text=_("For whom it is. Only managers see it."),
    )


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=limits.TOKEN_NAME, help_text=_("What it is for, so that you know it again.")
    )
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("It may only"),
        help_text=_("With none it may do all that you may."),
    )
    days = forms.IntegerField(
        initial=DAYS,
        min_value=1,
        max_value=MOST_DAYS,
        label=_("It works for so many days"),
    )
    password = forms.CharField(
        max_length=1000,
        strip=False,
        label=_("Your password"),
        help_text=_("Needed again, because a token stays valid after you log out."),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class KeysForm(forms.Form):
    """A line for each action of the compare page, with its keys."""

    no_single = forms.BooleanField(
        required=False,
        label=_("Use no keys of a single character"),
        help_text=_(
            "For those who speak to their computer, or hit keys by chance. Arrows, keys with Ctrl or Alt "
            "and all buttons still work."
        ),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = user.keys.get("own", {})
        self.fields["no_single"].initial = user.keys.get("no_single", False)
        for name, action in keys.ACTIONS.items():
            self.fields[name] = forms.CharField(
                required=False,
                max_length=limits.KEYS,
                label=action.label,
                initial=keys.labels_of(own.get(name, action.defaults)),
                widget=forms.TextInput(
                    attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
                ),
            )

    @property
    def groups(self) -> list[tuple[Any, list[Any]]]:
        return [(label, [self[name] for name in actions]) for label, actions in keys.GROUPS]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, action in keys.ACTIONS.items():
            try:
                cleaned[name] = keys.parsed(cleaned.get(name, ""), action)
            except Invalid as refusal:
                self.add_error(name, str(refusal))
        for name, sentence in keys.conflicts(
            {name: cleaned[name] for name in keys.ACTIONS if isinstance(cleaned.get(name), list)}
        ).items():
            self.add_error(name, sentence)
        return cleaned
