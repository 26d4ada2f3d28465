from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from annotation.errors import Invalid
from annotation.keys import ACTIONS, GROUPS, conflicts, labels_of, parsed, set_keys
from annotation.models import User
from annotation.views.page import page


class KeysForm(forms.Form):
    """A line for each action of the compare page, with its keys."""

    no_single = forms.BooleanField(
        required=False,
        label=gettext_lazy("Use no keys of a single character"),
        help_text=gettext_lazy(
            "For those who speak to their computer, or hit keys by chance. Arrows, keys with Ctrl or Alt "
            "and all buttons still work."
        ),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = user.keys.get("own", {})
        self.fields["no_single"].initial = user.keys.get("no_single", False)
        for name, action in ACTIONS.items():
            self.fields[name] = forms.CharField(
                required=False,
                max_length=200,
                label=action.label,
                initial=labels_of(own.get(name, action.defaults)),
                widget=forms.TextInput(
                    attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
                ),
            )

    @property
    def groups(self) -> list[tuple[Any, list[Any]]]:
        return [(label, [self[name] for name in actions]) for label, actions in GROUPS]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, action in ACTIONS.items():
            try:
                cleaned[name] = parsed(cleaned.get(name, ""), action)
            except Invalid as refusal:
                self.add_error(name, str(refusal))
        for name, sentence in conflicts(
            {name: cleaned[name] for name in ACTIONS if isinstance(cleaned.get(name), list)}
        ).items():
            self.add_error(name, sentence)
        return cleaned


@require_http_methods(["GET", "HEAD", "POST"])
@page
def keys(request: HttpRequest) -> HttpResponse:
    """One's own keys of the compare page: changed, switched off, or as they came."""
    user = cast(User, request.user)
    form = KeysForm(user, request.POST or None)
    if request.method == "POST" and "reset" in request.POST:
        set_keys(user, {}, no_single=False)
        messages.success(request, _("The keys are as they came."))
        return redirect("keys")
    if request.method == "POST" and form.is_valid():
        chosen = {name: form.cleaned_data[name] for name in ACTIONS}
        set_keys(user, chosen, no_single=form.cleaned_data["no_single"])
        messages.success(request, _("Your keys are saved."))
        return redirect("keys")
    return render(request, "annotation/keys.html", {"form": form})
