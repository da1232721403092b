"""What the frame around every page needs."""

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from deepext.navigation import Section, sections_for
from deepext.script_catalog import address_of

register = template.Library()


@register.simple_tag
def sections(request: HttpRequest) -> list[tuple[Section, bool]]:
    return sections_for(request.user, request.path)


@register.simple_tag
def script_catalog_url() -> str:
    return address_of(get_language() or settings.LANGUAGE_CODE)
