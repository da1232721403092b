"""What every page of the console shows the same way."""

import re
from datetime import UTC, datetime, tzinfo
from functools import cache, lru_cache
from typing import Any, Literal

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format, get_format, number_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from training_methods import numbers, parameter_help, sentences
from training_methods.trainers.parameters import Parameter

LARGEST_COUNT = 10**15

register = template.Library()


@register.simple_tag
@cache  # a page has a hundred of them, and the name of the hashed file is looked up for each
def icon(name: str) -> SafeString:
    """A symbol of static/icons.svg. It says nothing by itself: a word stands beside it."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("icons.svg"), name)


@register.filter
def translated(words: str) -> str:
    """What a built-in trainer says of itself, or has said while it worked, in the reader's language.

    A trainer of the site's own speaks for itself.
    """
    return sentences.translated(str(words)) if words else ""


@register.filter
def allowed(parameter: Parameter) -> str:
    """What may be given for it, in the reader's language."""
    return parameter.allowed_in(_, numbers.written)


@register.filter
def help_text(words: str) -> SafeString:
    """What a trainer says of a parameter, with what scripts call it set apart."""
    return parameter_help.shown(words) if words else SafeString()


@register.filter
def middle(text: object, length: int = 40) -> SafeString:
    """Cut in the middle, where names of models and runs differ least, with the whole on hover."""
    whole = str(text)
    if len(whole) <= length:
        return escape(whole)
    head = (length - 1) // 2
    tail = length - 1 - head
    return format_html('<span title="{}">{}…{}</span>', whole, whole[:head], whole[-tail:])


@register.filter
def code_unless(name: str, label: str) -> SafeString:
    """What code calls a thing, small behind the label that people read; nothing where the two are the same."""
    if name == label:
        return SafeString()
    return format_html(' <code class="code-name">{}</code>', middle(name, 48))


@register.filter
def flowing(text: str) -> str:
    """A docstring without the line ends that fit it into its file; paragraphs, lists and indented lines stay."""
    return re.sub(r"(?<!\n)\n(?=[^\s*\d-])", " ", text)


@register.filter
def opening(text: str) -> str:
    """The first paragraph of a docstring, which says what it is about."""
    return " ".join(text.strip().partition("\n\n")[0].split())


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds as people say them: 42 s, 3 min 20 s, 2 h 05 min."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return _("%(seconds)s s") % {"seconds": whole}
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": f"{rest:02d}"}
    hours, minutes = divmod(minutes, 60)
    return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": f"{minutes:02d}"}


@register.filter
def plain(value: object) -> object:
    """A setting as people write it: a whole number without a fraction, 3 and not 3.0."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_COUNT else value


@register.filter
def significant(number: float | Literal[""] | None, digits: int = 4) -> str:
    """A measured value with as many digits as matter, zeros included, so that a column of them lines up.

    A large one is most often a count, of tokens for instance, and has all its digits.
    """
    if number is None or number == "":
        return "–"
    if 10 ** (digits - 1) <= abs(number) < LARGEST_COUNT:
        return number_format(round(number), force_grouping=True)
    return f"{number:#.{digits}g}".replace(".", get_format("DECIMAL_SEPARATOR"))


def status(name: str, word: object) -> SafeString:
    """`name` is that of a symbol in static/icons.svg, and of a colour."""
    return format_html('<span class="status status-{}">{} {}</span>', name, icon(name), word)


@register.filter
def standing(found: Any) -> SafeString:
    """What came of the last check of a method, a `checks.Standing`."""
    if found.check is None:
        return format_html('<span class="text-secondary">{}</span>', _("not checked"))
    late = format_html('<span class="text-secondary d-block">{}</span>', found.outdated) if found.outdated else ""
    said = status(found.check.symbol, found.check.label), when(found.check.when)
    return format_html('{} <span class="text-secondary text-nowrap">{}</span>{}', *said, late)


@register.filter
def when(time: datetime) -> SafeString:
    """How long ago; the moment itself on hover, or for all times at once with the key t."""
    exact = time.astimezone(UTC).isoformat(timespec="seconds")
    return format_html('<time datetime="{}" title="{}" data-ago>{}</time>', exact, moment(time), ago(time))


@register.filter
def moment(time: datetime) -> str:
    """To the minute, in the reader's language and zone."""
    minute = time.replace(second=0, microsecond=0)
    return written(minute, timezone.get_current_timezone(), get_language() or "")


@lru_cache(maxsize=2000)  # a list shows the same times every four seconds, and Django writes each letter by itself
def written(minute: datetime, zone: tzinfo, language: str) -> str:
    here = minute.astimezone(zone)
    return f"{date_format(here, 'DATETIME_FORMAT')} {here.tzname()}"


@register.filter
def ago(time: datetime) -> str:
    """How long ago, in one unit; a date once that is more than a month. static/js/times.js says the same later on."""
    minutes = int((timezone.now() - time).total_seconds() // 60)
    if minutes < 1:
        return _("just now")
    if minutes < 60:
        return ngettext("%(count)s minute ago", "%(count)s minutes ago", minutes) % {"count": minutes}
    hours, days = minutes // 60, minutes // (24 * 60)
    if days < 1:
        return ngettext("%(count)s hour ago", "%(count)s hours ago", hours) % {"count": hours}
    if days <= 30:
        return ngettext("%(count)s day ago", "%(count)s days ago", days) % {"count": days}
    return date_format(timezone.localtime(time), "SHORT_DATE_FORMAT")
