"""The three ways in which people stop a job, with the words for each."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from training_jobs import dispatch, leases
from training_jobs.leases import SAVING
from training_jobs.models import Status, TrainingJob
from training_methods.numbers import rounded


@dataclass(frozen=True, kw_only=True)
class Way:
    """`what` happens, as the menu says it; `done` is said once it is asked for."""

    name: str
    label: "str | Promise"
    what: "str | Promise"
    done: "str | Promise"
    request: Callable[..., bool]

    @property
    def times(self) -> dict[str, str]:
        """What the sentences say of time, as this site has it."""
        return {"minutes": rounded(settings.FINISH_SECONDS / 60, 6), "seconds": rounded(SAVING.total_seconds(), 6)}

    @property
    def sentence(self) -> str:
        return str(self.what) % self.times


SAVE = Way(
    name="save",
    label=gettext_lazy("Stop and save"),
    what=gettext_lazy(
        "Ends after the step it is at, with a customized model of what it has learnt. A training that does not hear "
        "of it within %(minutes)s minutes is cancelled."
    ),
    done=gettext_lazy("The train ends after this step and saves its result."),
    request=leases.request_finish,
)
CANCEL = Way(
    name="cancel",
    label=gettext_lazy("Cancel"),
    what=gettext_lazy(
        "Saves a checkpoint and ends without a customized model. After %(seconds)s seconds it is ended in any case."
    ),
    done=gettext_lazy("The train was asked to stop."),
    request=leases.request_cancel,
)
NOW = Way(
    name="now",
    label=gettext_lazy("Stop now"),
    what=gettext_lazy("Ends it within seconds and saves nothing: what it learnt since its last checkpoint is lost."),
    done=gettext_lazy("The train is ended."),
    request=leases.request_kill,
)
WAYS = {way.name: way for way in (SAVE, CANCEL, NOW)}


def open_to(job: TrainingJob) -> list[Way]:
    """Those that can still be asked for."""
    if job.has_ended or job.kill_requested:
        return []
    if job.status == Status.QUEUED:
        return [SAVE, CANCEL] if job.attempt and not job.finish_requested else [CANCEL]
    if job.cancel_requested:
        return [NOW]
    return [CANCEL, NOW] if job.finish_requested else [SAVE, CANCEL, NOW]


def ask(job: TrainingJob, way: Way, *, by: str) -> bool:
    """False: it ended, or was asked before."""
    won = way.request(job.pk, by=by)
    if won and way is SAVE:
        wake_if_it_waits(job.pk)
    return won


def wake_if_it_waits(job_id: UUID) -> None:
    """One that waits ends early on a worker, which resumes it for that."""
    for job in TrainingJob.objects.claimable().filter(pk=job_id):
        dispatch.wake(job)


def said(job: TrainingJob, way: Way, *, won: bool) -> str:
    """What to tell whoever asked."""
    if not won:
        return _("There was nothing to cancel: the train has ended, or was asked to stop before.")
    if job.status != Status.QUEUED:
        return str(way.done)
    if way is SAVE and job.attempt:
        return _("The train ends with its result as soon as a worker has taken it.")
    return str(NOW.done) if job.attempt else _("Cancelled before it started.")
