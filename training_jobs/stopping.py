"""Why a training is stopped before its end, and how an early end with a result comes about."""

from collections.abc import Iterable
from enum import Enum
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from training_jobs import run_folders
from training_jobs.models import TrainingJob
from training_methods.trainers.events import Cause, Event, Failure, Finished, Finishing
from training_methods.trainers.keeper import clock


class Stop(Enum):
    """Why a child was asked to stop."""

    CANCEL = "cancel"
    NOW = "now"
    UNFINISHED = "unfinished"
    DRAIN = "drain"
    TIME_LIMIT = "time-limit"
    LEASE = "lease"
    DISK = "disk"


class EarlyEnd:
    """The request to end one attempt early, with its result: whether it was made and heard, and how long ago."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.is_asked = self.is_heard = False
        self.waits_since = 0.0

    def ask(self) -> None:
        run_folders.ask_to_finish(self.run_dir)
        self.is_asked, self.waits_since = True, clock()

    def hear(self, events: Iterable[Event]) -> None:
        """The training says that it heard: from now on it has as long again to save."""
        if not self.is_heard and any(isinstance(event, Finishing) for event in events):
            self.is_heard, self.waits_since = True, clock()

    @property
    def is_overdue(self) -> bool:
        return self.is_asked and clock() - self.waits_since > settings.FINISH_SECONDS

    def overdue(self) -> Failure:
        minutes = f"{settings.FINISH_SECONDS / 60:g}"
        if self.is_heard:
            said = _("The training was to end here with its result, and had not saved it after %s minutes.") % minutes
            hint = _("DEEPEXT_FINISH_SECONDS sets the time. What was saved as a checkpoint is kept: Resume uses it.")
        else:
            said = (
                _("The training was asked to end here with its result, and did not hear of it in %s minutes.") % minutes
            )
            hint = _("Its trainer never looks at run.finish_requested. Its checkpoints are kept: Resume uses them.")
        return Failure(message=said, hint=hint)


def nothing_learnt() -> Failure:
    return Failure(
        message=_("It was asked to end with its result, and nothing had been saved yet that could become one."),
        hint=_("Resume starts it anew."),
    )


def no_result() -> Failure:
    return Failure(
        message=_("The training was asked to end here with its result, and left none."),
        hint=_("A script gets SIGTERM: it has to save to --output_dir and exit with 0. Its log says how far it came."),
    )


def was_early(job: TrainingJob, finished: Finished) -> bool:
    """Not if it had come to its last step by the time it heard."""
    return finished.early and (job.total_steps is None or job.step < job.total_steps)


def seconds_before(job: TrainingJob) -> float:
    """That a job's earlier attempts ran since it was submitted, or since somebody resumed it.

    Each from its claim to the last that its training wrote: how long it then took until its worker was missed, or
    until there was another, is not its fault.
    """
    resumed = job.events.filter(kind="resume-requested").order_by("-pk").values_list("pk", flat=True).first()
    claims = job.events.filter(kind="claimed", pk__gt=resumed or 0, attempt__lt=job.attempt)
    ended = ((claim.at, last_written(job.attempt_directory(claim.attempt))) for claim in claims)
    return sum(max(end - at.timestamp(), 0.0) for at, end in ended)


def last_written(run: Path) -> float:
    """Seconds of the epoch; 0 where nothing is left of it."""
    files = (run / "events.jsonl", run / "train.log")
    return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)


def out_of_time(minutes: int | None) -> Failure:
    return Failure(
        cause=Cause.TIME_LIMIT,
        message=f"The training was stopped at its time limit of {minutes} minutes.",
        hint="The method's configuration sets the limit (resources.time_limit_minutes).",
    )
