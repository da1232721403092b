"""What can be done with the trains chosen in their list."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from training_jobs import deletion, leases, ordering
from training_jobs.deletion import NotEnded
from training_jobs.models import TrainingJob
from training_methods.lists import Action, Way


def compared(keys: Sequence[str]) -> str:
    return f"{reverse('training_jobs:job-list')}compare/?{urlencode([('job', key) for key in keys])}"


def cancel(job: TrainingJob, user: Any) -> str:
    if not job.may_be_cancelled_by(user):
        return _("“%(train)s” was started by somebody else: staff can cancel it.") % {"train": job}
    if not leases.request_cancel(job.pk, by=user.get_username()):
        return _("“%(train)s” has ended, or was asked to stop before.") % {"train": job}
    return ""


def hold(job: TrainingJob, user: Any) -> str:
    try:
        won = ordering.hold(job, by=user)
    except PermissionDenied as refused:
        return str(refused)
    return "" if won else _("“%(train)s” does not wait, or is held already.") % {"train": job}


def release(job: TrainingJob, user: Any) -> str:
    try:
        won = ordering.release(job, by=user)
    except PermissionDenied as refused:
        return str(refused)
    return "" if won else _("“%(train)s” is not held.") % {"train": job}


def delete(job: TrainingJob, user: Any) -> str:
    try:
        deletion.delete(job, user=user)
    except (PermissionDenied, NotEnded) as refused:
        return str(refused)
    return ""


ACTIONS: list[Action | Way] = [
    Way(name="compare", label=gettext_lazy("Compare"), symbol="graph", address=compared, least=2, most=6),
    Action(
        name="cancel",
        label=gettext_lazy("Cancel"),
        symbol="stop",
        do=cancel,
        done=lambda n: ngettext("One train was asked to stop.", "%(n)d trains were asked to stop.", n) % {"n": n},
        question=lambda n: ngettext("Cancel this train?", "Cancel these %(n)d trains?", n) % {"n": n},
        warning=gettext_lazy(
            "Those that run save a checkpoint and end, those that wait never start. No customized model is made; "
            "their curves and logs stay."
        ),
    ),
    Action(
        name="hold",
        label=gettext_lazy("Hold"),
        symbol="hold",
        do=hold,
        done=lambda n: ngettext("One train is held.", "%(n)d trains are held.", n) % {"n": n},
    ),
    Action(
        name="release",
        label=gettext_lazy("Release"),
        symbol="release",
        do=release,
        done=lambda n: ngettext("One train is released.", "%(n)d trains are released.", n) % {"n": n},
    ),
    Action(
        name="delete",
        label=gettext_lazy("Delete"),
        symbol="trash",
        do=delete,
        done=lambda n: ngettext("Deleted one train.", "Deleted %(n)d trains.", n) % {"n": n},
        question=lambda n: ngettext("Delete this train?", "Delete these %(n)d trains?", n) % {"n": n},
        warning=gettext_lazy(
            "Their settings, curves, logs and checkpoints are deleted and cannot be brought back. "
            "Customized models that came of them stay."
        ),
    ),
]
