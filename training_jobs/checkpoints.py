"""A job's checkpoints as records: what was saved, what stays of it once the job has ended, and who deleted the rest."""

import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from training_jobs.models import Checkpoint, Status, TrainingJob
from training_methods.trainers.events import CheckpointSaved, Event, Metrics

logger = logging.getLogger(__name__)

# What tells the best of a job's checkpoints: the first of these that any of them has.
RATED = {"eval_reward": max, "eval_loss": min, "reward": max, "loss": min}
OF_A_RUNNING_JOB = 2  # its newest ones, which nobody deletes: it may have to go on from them
MOST_TIDIED = 20  # jobs a sweep

BY_TRAINER = gettext_noop("removed by its trainer")
WRITTEN_OVER = gettext_noop("written over")
BY_RULE = gettext_noop("not among the newest, the best and those to keep")

Reported = dict[str, tuple[int, float | None]]


class NotNow(Exception):
    """The checkpoint cannot be kept or deleted; the message says why."""


def store(job: TrainingJob, attempt: int, events: Iterable[Event], reported: Reported) -> None:
    """Record the checkpoints that a batch of events tells of, and those that are gone since. `reported` goes along."""
    events = list(events)
    if saved := list(records(job, attempt, events, reported)):
        earlier = job.checkpoints.there()
        mark(earlier.filter(path__in=[one.path for one in saved]), WRITTEN_OVER)
        mark([one for one in earlier if not one.is_there], BY_TRAINER)
        Checkpoint.objects.bulk_create(saved)
    rate_late(job, attempt, events)


def rate_late(job: TrainingJob, attempt: int, events: Iterable[Event]) -> None:
    """A trainer that saves by the step and evaluates after the epoch says only then how good its last weights are."""
    rated = {event.step: found for event in events if isinstance(event, Metrics) and (found := evaluations_in(event))}
    if not rated:
        return
    for checkpoint in job.checkpoints.there().filter(attempt=attempt, step__in=rated):
        checkpoint.metrics |= rated[checkpoint.step]
        checkpoint.save(update_fields=["metrics"])


def evaluations_in(event: Metrics) -> dict[str, float]:
    values = event.values.items()
    return {name: value for name, value in values if name in RATED and name.startswith("eval_") and value is not None}


def records(job: TrainingJob, attempt: int, events: Iterable[Event], reported: Reported) -> Iterator[Checkpoint]:
    for event in events:
        if isinstance(event, Metrics):
            reported |= {name: (event.step, value) for name, value in event.values.items() if name in RATED}
        if isinstance(event, CheckpointSaved):
            yield Checkpoint(
                job=job,
                attempt=attempt,
                step=event.step,
                path=event.path,
                size_bytes=size_of(Path(event.path)),
                metrics=values_at(event.step, reported),
                saved_at=datetime.fromtimestamp(event.at, UTC),
            )


def values_at(step: int, reported: Reported) -> dict[str, float]:
    """Evaluations of that very step; of what is reported all the time, the last value up to there."""
    return {
        name: value
        for name, (at, value) in reported.items()
        if value is not None and (at == step or (at < step and not name.startswith("eval_")))
    }


def size_of(folder: Path) -> int:
    """Bytes; 0 where the folder is gone."""
    total = 0
    with suppress(OSError):  # rotated away while we look
        for file in folder.rglob("*"):
            total += file.stat().st_size if file.is_file() else 0
    return total


def mark(gone: Iterable[Checkpoint], because: str) -> None:
    Checkpoint.objects.filter(pk__in=[one.pk for one in gone]).update(deleted_at=Now(), deleted_because=because)


def rating(found: Sequence[Checkpoint]) -> str | None:
    """The metric that tells the best of them. None: there is none."""
    return next((name for name in RATED if any(name in one.metrics for one in found)), None)


def best_of(found: Sequence[Checkpoint]) -> Checkpoint | None:
    name = rating(found)
    if name is None:
        return None
    return RATED[name]((one for one in found if name in one.metrics), key=lambda one: one.metrics[name])


def newest_kept() -> int:
    """How many of its newest an ended job keeps."""
    return max(settings.CHECKPOINTS_KEPT, 1)


def superfluous(found: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Of an ended job's, newest first, those that the rule does not keep."""
    stays = {one.pk for one in found[: newest_kept()]} | {one.pk for one in found if one.is_kept}
    if best := best_of(found):
        stays.add(best.pk)
    return [one for one in found if one.pk not in stays and is_ours(one)]


def is_ours(checkpoint: Checkpoint) -> bool:
    """Lies in its job's folder: what a trainer wrote elsewhere is not ours to delete."""
    return checkpoint.job.directory in Path(checkpoint.path).parents


def keep(checkpoint: Checkpoint) -> None:
    """Under a name of its own, so that its trainer, which removes old ones, does not take it along. Raises NotNow."""
    target = checkpoint.job.directory / "kept" / f"attempt-{checkpoint.attempt}" / Path(checkpoint.path).name
    if not target.exists():
        link(checkpoint, target)
    Checkpoint.objects.there().filter(pk=checkpoint.pk).update(is_kept=True, path=str(target))


def let_go(checkpoint: Checkpoint) -> None:
    """The rule for ended jobs looks at it again."""
    with transaction.atomic():
        Checkpoint.objects.filter(pk=checkpoint.pk).update(is_kept=False)
        TrainingJob.objects.filter(pk=checkpoint.job_id).update(is_tidy=False)


def link(checkpoint: Checkpoint, target: Path) -> None:
    """A second name for every file, which takes no room; a copy where the disk has no such thing. Whole or not at all.

    Raises NotNow: the checkpoint went away meanwhile.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".draft-", dir=target.parent, ignore_cleanup_errors=True) as folder:
        draft = Path(folder) / target.name
        try:
            shutil.copytree(checkpoint.path, draft, copy_function=link_or_copy)
        except (OSError, shutil.Error) as error:
            raise NotNow(_("The checkpoint of step %s is not there any more.") % checkpoint.step) from error
        if size_of(draft) != checkpoint.size_bytes:
            raise NotNow(_("The checkpoint of step %s is not complete any more.") % checkpoint.step)
        put(draft, target)


def put(draft: Path, target: Path) -> None:
    """Whoever else was at it may have been first."""
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def best_beside(folder: Path) -> Path | None:
    """The best checkpoint so far, as a Hugging Face trainer noted it in this one: it would go back to it at its end."""
    with suppress(OSError, ValueError, AttributeError):
        best = json.loads((folder / "trainer_state.json").read_text()).get("best_model_checkpoint")
        if best and Path(best).is_dir():
            return Path(best)
    return None


def delete(checkpoint: Checkpoint, *, by: str) -> None:
    """Raises NotNow where a job may have to go on from it, or where it is not ours."""
    if not is_ours(checkpoint):
        raise NotNow(_("This checkpoint lies outside the job's folder, so it is not deleted here."))
    with transaction.atomic():
        job = TrainingJob.objects.select_for_update().filter(pk=checkpoint.job_id).first()
        if job is None:  # it went with all of its checkpoints
            raise NotNow(_("The checkpoint of step %s is not there any more.") % checkpoint.step)
        newest = [one.pk for one in job.checkpoints.there()[:OF_A_RUNNING_JOB]]
        if not job.has_ended and checkpoint.pk in newest:
            raise NotNow(_("The train may have to go on from its newest checkpoints: delete them once it has ended."))
        mark(job.checkpoints.there().filter(pk=checkpoint.pk), _("deleted by %s") % by)
    remove(checkpoint)


def remove(checkpoint: Checkpoint) -> None:
    """Its files, unless another record's lie in the same place."""
    folder = Path(checkpoint.path)
    others = [Path(one.path) for one in checkpoint.job.checkpoints.there()]
    if not any(folder == other or folder in other.parents for other in others):
        shutil.rmtree(folder, ignore_errors=True)


def tidy(job_id: UUID) -> None:
    """Delete what the rule does not keep of a job that has ended. One that somebody resumes meanwhile is left alone."""
    with transaction.atomic():
        job = TrainingJob.objects.ended().select_for_update().filter(pk=job_id, is_tidy=False).first()
        if job is None:
            return
        going = superfluous(list(job.checkpoints.there().select_related("job")))
        mark(going, BY_RULE)
    for checkpoint in going:
        remove(checkpoint)
    for folder in strays(job):
        shutil.rmtree(folder, ignore_errors=True)
    TrainingJob.objects.ended().filter(pk=job_id, attempt=job.attempt).update(is_tidy=True)


def strays(job: TrainingJob) -> Iterator[Path]:
    """Folders that no record names, such as one that a killed training was writing; only where all reports are read."""
    known = {Path(one.path) for one in job.checkpoints.there()}
    for attempt in range(1, job.attempt + 1):
        run = job.attempt_directory(attempt)
        folders = [path for path in run.glob("checkpoints/*") if path.is_dir()]
        if folders and is_read(job, attempt, run / "events.jsonl"):
            yield from (one for one in folders if not any(one == path or one in path.parents for path in known))
    if job.status == Status.SUCCEEDED:
        yield from (job.directory / "start",) if (job.directory / "start").is_dir() else ()


def is_read(job: TrainingJob, attempt: int, events: Path) -> bool:
    if attempt != job.stored_attempt:
        return attempt < job.stored_attempt
    return not events.exists() or events.stat().st_size <= job.stored_events


def tidy_some() -> None:
    """What the sweeper does: jobs whose worker was lost before it could, and those of before there was a rule."""
    untidy = TrainingJob.objects.ended().filter(is_tidy=False).values_list("pk", flat=True)
    for job_id in list(untidy[:MOST_TIDIED]):
        tidy_safely(job_id)


def tidy_safely(job_id: UUID) -> None:
    """A disk that refuses is logged, and the sweeper tries again."""
    try:
        tidy(job_id)
    except OSError as error:
        logger.warning("The checkpoints of job %s cannot be sorted out: %s", job_id, error)
