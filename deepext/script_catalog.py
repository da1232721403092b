"""The words of the page scripts in the reader's language: one small file, kept by browsers until it changes."""

import re
from collections.abc import Callable
from functools import cache
from hashlib import sha256

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.urls import get_script_prefix
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.views.i18n import JavaScriptCatalog

from deepext.preferences import YEAR

ADDRESS = re.compile(r"/words/([a-z-]+)\.([0-9a-f]+)\.js")


@cache
def script_of(language: str) -> tuple[bytes, str]:
    """Django's `gettext`, `ngettext` and `interpolate` with the catalog for them, and a name for this version of it."""
    with translation.override(language):
        body = JavaScriptCatalog(packages=["deepext"]).get(HttpRequest()).content
    return body, sha256(body).hexdigest()[:12]


def address_of(language: str) -> str:
    """Changes with what it leads to, so that browsers may keep that."""
    return f"{get_script_prefix()}words/{language}.{script_of(language)[1]}.js"


class ScriptCatalogMiddleware:
    """Answers as for a static file, before session and sign-in: the same for everybody."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = ADDRESS.fullmatch(request.path_info)
        return answer(*asked.groups()) if asked else self.get_response(request)


def answer(language: str, version: str) -> HttpResponse:
    if language not in dict(settings.LANGUAGES):
        return HttpResponseNotFound()
    body, current = script_of(language)
    words = HttpResponse(body, content_type='text/javascript; charset="utf-8"')
    if version == current:
        patch_cache_control(words, public=True, immutable=True, max_age=YEAR)
    return words
