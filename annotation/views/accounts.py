from typing import Any

from allauth.account.views import LoginView, PasswordChangeView, PasswordSetView
from allauth.core.ratelimit import respond_429
from django.contrib import messages
from django.contrib.auth import login as start_session
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRefresh

from annotation.accounts import remember_device, too_many_logins, user_of_entry_key
from annotation.errors import Gone
from annotation.models import User
from annotation.views.page import only_opened_or_sent, page


class LoginPage(LoginView):
    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        # A page that refreshes a part of itself after its session has ended shall not put a login
        # form into that part: it loads itself again, and so arrives here as a whole.
        if request.htmx:
            return HttpResponseClientRefresh()
        response: HttpResponse = super().get(request, *args, **kwargs)
        return response

    def post(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if too_many_logins(request, request.POST.get("login", "")):
            return respond_429(request)
        response: HttpResponse = super().post(request, *args, **kwargs)
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        if isinstance(user := self.request.user, User):
            remember_device(self.request, response, user)
            if user.former_name and form.cleaned_data["login"] == user.former_name:
                told = _(
                    "Your username is now “%(name)s”, because somebody else had the same. Use it from now on."
                )
                messages.info(self.request, told % {"name": user.username})
        return response


login = only_opened_or_sent(LoginPage.as_view())
change_password = page(PasswordChangeView.as_view(success_url=reverse_lazy("projects")))
set_password = page(PasswordSetView.as_view(success_url=reverse_lazy("projects")))


@require_GET
@never_cache
def enter(request: HttpRequest, encoded: str, token: str) -> HttpResponse:
    """The one-time link: whoever has it is that person, until the first use."""
    user = user_of_entry_key(encoded, token)
    if user is None:
        raise Gone(
            _(
                "This login link has been used or has expired. Log in with your name and "
                "password, or have a new link made: python manage.py login_link NAME."
            )
        )
    start_session(request, user)
    response = redirect("projects")
    remember_device(request, response, user)
    return response
