"""The queue's rows as HTML, put together here as other lists' are: a template takes five times as long for them."""

from collections.abc import Iterator

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from training_jobs.lists.queue import Place, Queue
from training_jobs.lists.queue_buttons import Buttons
from training_jobs.models import Priority
from training_jobs.waiting import Wait
from training_methods import cells
from training_methods.templatetags.console import icon

ROW = (
    '<tr data-job="{}" data-priority="{}">'
    '<td class="num">{} {}</td><td class="queue-what">{} {}{}</td><td>{}</td>'
    '<td class="optional">{}</td><td class="optional text-nowrap">{}</td><td>{}</td></tr>'
)


def rows(queue: Queue, request: HttpRequest) -> Iterator[SafeString]:
    buttons = Buttons(request)
    grip = handle() if queue.may_order else ""
    priorities = {priority.value: priority.label for priority in Priority}
    for place in queue.places(request.user):
        job = place.job
        train = cells.link(job.get_absolute_url(), job.name, key=job.pk)
        by, at = job.created_by or cells.NOTHING, cells.when(job.created_at)
        what = (train, waits_for(place.wait), overtaken(place), priorities[job.priority])
        yield format_html(ROW, job.pk, job.priority, grip, place.number, *what, by, at, buttons.of(place))


def handle() -> SafeString:
    drag = _("Drag to another place")
    return format_html('<span class="grip" draggable="true" title="{}" data-grip>{}</span>', drag, icon("grip"))


def waits_for(wait: Wait) -> SafeString:
    if wait.is_stuck:
        stuck = icon("warning"), wait.sentence
        return format_html('<span class="d-block small status-stopping">{} {}</span>', *stuck)
    return format_html('<span class="d-block small text-secondary">{}</span>', wait.sentence)


def overtaken(place: Place) -> str:
    if not place.overtaken:
        return ""
    return format_html('<span class="d-block small text-secondary">{}</span>', place.overtaken)
