"""The buttons that change where a train waits, 150 on a page: a template takes ten times as long for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from training_jobs.lists.queue import Place
from training_jobs.models import Priority
from training_methods.templatetags.console import icon


@dataclass(frozen=True, kw_only=True)
class Button:
    """`name` tells it from others of its row, `rest` is alike in all rows. Heard is its label with the train's link."""

    name: str
    rest: SafeString

    def of(self, job: UUID, *, is_disabled: bool = False) -> str:
        whole = f"{self.name}-{job}"
        disabled = " disabled" if is_disabled else ""
        return f'<button id="{whole}" aria-labelledby="{whole} open-{job}"{disabled}{self.rest}'


def button(name: str, change: str, label: str, shown: str, title: str = "") -> Button:
    rest = format_html(
        ' class="btn btn-outline btn-sm" name="change" value="{}" aria-label="{}:" title="{}">{}</button>',
        change,
        label,
        title or label,
        shown,
    )
    return Button(name=name, rest=rest)


def symbol(name: str, label: str) -> Button:
    return button(name, name, label, icon(name))


def with_symbol(change: str, label: str) -> Button:
    """Hold and release have one name, so that the focus stays where it was."""
    return button("hold", change, label, format_html("{} {}", icon(change), label))


def to_priority(name: str, label: str) -> dict[Priority, Button]:
    return {
        priority: button(name, priority.name.lower(), f"{label} ({priority.label})", label, str(priority.label))
        for priority in Priority
    }


class Buttons:
    """Those of a page of the queue, put together once for all its rows, in the reader's language."""

    def __init__(self, request: HttpRequest) -> None:
        self.token = format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', get_token(request))
        self.first = symbol("first", _("Move to the first place"))
        self.up, self.down = symbol("up", _("Move up")), symbol("down", _("Move down"))
        self.hold, self.release = with_symbol("hold", _("Hold")), with_symbol("release", _("Release"))
        self.raised, self.lowered = to_priority("raise", _("Raise")), to_priority("lower", _("Lower"))

    def of(self, place: Place) -> SafeString:
        """The form of one row. Whatever stands in it is an address, a key, or was made safe above."""
        to, buttons = place.address, "".join(self.offered(place))
        sent = f'method="post" action="{to}" hx-post="{to}" hx-target="#queue" hx-swap="outerHTML"'
        return SafeString(f'<form class="queue-changes" {sent}>{self.token}{buttons}</form>')

    def offered(self, place: Place) -> Iterator[str]:
        job = place.job.pk
        if place.may_move:
            yield self.first.of(job, is_disabled=place.is_first)
            yield self.up.of(job, is_disabled=place.is_first)
            yield self.down.of(job, is_disabled=place.is_last)
        if place.may_hold:
            yield self.hold.of(job)
        if place.may_release:
            yield self.release.of(job)
        if place.raised is not None:
            yield self.raised[place.raised].of(job)
        if place.lowered is not None:
            yield self.lowered[place.lowered].of(job)
