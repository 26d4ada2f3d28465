from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotation.forms import KeysForm
from annotation.keys import ACTIONS, set_keys
from annotation.models import User
from annotation.views.page import page


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
