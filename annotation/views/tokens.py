from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from annotation.accounts import confirm_password
from annotation.errors import Invalid
from annotation.forms import TokenForm
from annotation.models import User
from annotation.selectors import tokens_of
from annotation.tokens import create_token, revoke_token
from annotation.views.page import page


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@page
def tokens(request: HttpRequest) -> HttpResponse:
    """One's tokens, and a form for another, which answers with the page itself: its key is shown once.

    The password is asked again: a session that was left open, or stolen, shall not become a token of a year.
    """
    user = cast(User, request.user)
    form = TokenForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        try:
            confirm_password(request, user, wanted.pop("password"))
            _, secret = create_token(user, **wanted)
        except Invalid as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            form = TokenForm()
    context = {"tokens": tokens_of(user), "form": form, "secret": secret}
    return render(request, "annotation/tokens.html", context)


@require_POST
@page
def revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    revoke_token(cast(User, request.user), token_id)
    messages.success(request, gettext("The token is revoked: it works no more."))
    return redirect("tokens")
