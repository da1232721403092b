from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse


class PasswordChangeRequiredMiddleware:
    """Leads whoever signed in with a one-time password to the form that replaces it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        open_paths = (reverse("password_change"), reverse("logout"))
        if getattr(request.user, "must_change_password", False) and request.path not in open_paths:
            return redirect("password_change")
        return self.get_response(request)
