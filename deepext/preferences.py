"""What a visitor has chosen: light or dark, the language, and the time zone that the browser is in."""

import zoneinfo
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.http import require_POST

from deepext.accounts.models import User

THEMES = ("light", "dark", "system")
YEAR = 365 * 24 * 3600  # seconds


def frame(request: HttpRequest) -> dict[str, Any]:
    """For every template: what the frame around a page shows."""
    theme = request.COOKIES.get("theme", "system")
    return {
        "theme": theme if theme in THEMES else "system",
        "name_plate": settings.SITE_NAME,
        "languages": settings.LANGUAGES,
    }


class TimeZoneMiddleware:
    """Times are shown in the zone that static/js/times.js left in a cookie; without one, in the site's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(zone_named(request.COOKIES.get("timezone", ""))):
            return self.get_response(request)


def zone_named(name: str) -> zoneinfo.ZoneInfo | None:
    """None, which means the site's own, where nobody knows such a zone."""
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return None


@login_not_required
@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    theme = request.POST.get("theme", "")
    answer = redirect(way_back(request))
    if theme in THEMES:
        answer.set_cookie("theme", theme, max_age=YEAR, samesite="Lax", secure=settings.HTTPS)
    return answer


@login_not_required
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Kept in a cookie, and with whoever is signed in, for the next time on another machine."""
    language = request.POST.get("language", "")
    answer = redirect(way_back(request))
    if language in dict(settings.LANGUAGES) and check_for_language(language):
        speak(answer, language)
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).update(language=language)
    return answer


def speak(answer: HttpResponse, language: str) -> None:
    """From the next page on."""
    age = settings.LANGUAGE_COOKIE_AGE
    answer.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=age, samesite="Lax", secure=settings.HTTPS)


def way_back(request: HttpRequest) -> str:
    """The page that was left, if it is one of ours."""
    page = request.POST.get("next", "")
    hosts = {request.get_host()}
    return page if url_has_allowed_host_and_scheme(page, hosts, require_https=request.is_secure()) else "/"
