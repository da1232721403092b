"""Going on with a job that has ended: the same once more, or a new one from one of its checkpoints."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from training_jobs import checkpoints, dispatch, leases, run_folders
from training_jobs.checkpoints import NotNow
from training_jobs.models import Checkpoint, Status, TrainingJob
from training_jobs.submission import Refused, versions, wrong_name
from training_methods import catalog, config
from training_methods.catalog import TrainerInfo, UnknownTrainer
from training_methods.trainers.parameters import Parameter

STEPS = "max_steps"  # the parameter that makes a train longer
MOST_STEPS = 10**9


@dataclass(frozen=True)
class Prospects:
    """What can be done with a job that has ended, from its snapshots alone: its method may be deleted. Each `why_not…`
    is a sentence, or empty where it can be done.
    """

    job: TrainingJob

    @cached_property
    def trainer(self) -> TrainerInfo | None:
        try:
            return catalog.get(self.job.method_snapshot["trainer"])
        except UnknownTrainer:
            return None

    @cached_property
    def newest(self) -> Checkpoint | None:
        return run_folders.newest_checkpoint(self.job)

    @cached_property
    def start_step(self) -> int:
        """The step after which a resumed job goes on; 0: it starts anew."""
        if self.newest:
            return self.newest.step
        start = self.job.start_checkpoint
        return start["step"] if start and Path(start["path"]).is_dir() else 0

    @cached_property
    def why_not(self) -> str:
        """Why nothing of it can be run any more."""
        if not self.job.has_ended:
            return _("The train has not ended yet.")
        if self.trainer is None:
            return _("Its trainer “%s” is not here any more.") % self.job.method_snapshot["trainer"]
        if self.trainer.is_script:
            return _("A script keeps no checkpoint to go on from: “Copy the Train” starts it anew.")
        return missing.message if (missing := run_folders.missing_input(self.job)) else ""

    @cached_property
    def why_not_resumed(self) -> str:
        if self.job.status not in (Status.FAILED, Status.CANCELLED):
            return _("Only a train that failed or was cancelled can be resumed.")
        return self.why_not

    @cached_property
    def why_not_continued(self) -> str:
        """From one of its checkpoints, as a new job."""
        if self.why_not:
            return self.why_not
        return "" if self.newest else _("It has no checkpoint to go on from.")

    @cached_property
    def why_not_longer(self) -> str:
        if self.why_not_continued:
            return self.why_not_continued
        if self.steps is None:
            return _("Its trainer has no setting “%s” that could make it longer.") % STEPS
        if self.steps.locked:
            return _("Its method has fixed “%s”.") % STEPS
        return ""

    @cached_property
    def steps(self) -> Parameter | None:
        """The parameter of how many steps, with the bounds that its method had."""
        if self.trainer is None:
            return None
        settings = self.job.method_snapshot["config"]
        offered = {} if config.check(settings, self.trainer) else settings
        return next((one for one in config.offered(self.trainer, offered) if one.name == STEPS), None)


def resume(job: TrainingJob, *, by: str) -> bool:
    """Back to the queue, to go on from its newest checkpoint. False: somebody was first. Raises Refused."""
    if why_not := Prospects(job).why_not_resumed:
        raise Refused({"job": why_not})
    won = leases.resume(job.pk, by=by)
    if won:
        dispatch.wake(job)
    return won


def go_on(
    job: TrainingJob,
    checkpoint: Checkpoint,
    *,
    steps: int | None = None,
    name: str,
    user: AbstractBaseUser | AnonymousUser | None = None,
) -> TrainingJob:
    """Queue a new job with the same frozen settings that begins at the checkpoint and makes so many further steps.

    Without `steps` it goes to the end that its settings name. Raises Refused.
    """
    prospects = Prospects(job)
    total = job.total_steps if steps is None else checkpoint.step + steps
    refuse_wrong(prospects, checkpoint, steps, total, name)
    new_id = uuid4()
    directory = TrainingJob(pk=new_id).directory
    try:
        start = link_start(checkpoint, directory / "start")
        with transaction.atomic():
            new = create(prospects, new_id, name=name, total=total, changes=steps is not None, user=user)
            new.start_checkpoint = {"path": str(start), "step": checkpoint.step, "job": job.name}
            new.step = checkpoint.step
            new.save(update_fields=["start_checkpoint", "step"])
            dispatch.wake(new)
    except NotNow as error:
        shutil.rmtree(directory, ignore_errors=True)
        raise Refused({"checkpoint": str(error)}) from error
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return new


def offered_name(job: TrainingJob) -> str:
    return f"{job.name[:91]}-extended"


def refuse_wrong(prospects: Prospects, checkpoint: Checkpoint, steps: int | None, total: int | None, name: str) -> None:
    """Raises Refused with all that is wrong."""
    wrong = wrong_name(name)
    if why_not := prospects.why_not_continued if steps is None else prospects.why_not_longer:
        wrong["job"] = why_not
    elif steps is None and total is not None and checkpoint.step >= total:
        wrong["checkpoint"] = _("The train was at its last step there: nothing is left to be done.")
    elif steps is not None and (misfit := wrong_steps(prospects.steps, steps, total or 0)):
        wrong["steps"] = misfit
    if not checkpoint.is_there:
        wrong["checkpoint"] = _("The checkpoint of step %s is not there any more.") % checkpoint.step
    if wrong:
        raise Refused(wrong)


def wrong_steps(parameter: Parameter | None, steps: int, total: int) -> str:
    if steps < 1:
        return _("At least one step is needed.")
    if total > MOST_STEPS:
        return _("That is more than %s steps in all.") % intcomma(MOST_STEPS)
    return config.misfit_of(total, parameter) if parameter else ""


def link_start(checkpoint: Checkpoint, folder: Path) -> Path:
    """The checkpoint under a name of the new job's own, with the best one so far beside it."""
    start = folder / Path(checkpoint.path).name
    checkpoints.link(checkpoint, start)
    best = checkpoints.best_beside(Path(checkpoint.path))
    if best and best.name != start.name:
        shutil.copytree(best, folder / best.name, copy_function=checkpoints.link_or_copy)
    return start


def create(prospects: Prospects, new_id: Any, *, name: str, total: int | None, changes: bool, user: Any) -> TrainingJob:
    """A new row with the first one's snapshots; the trainer's code as it is now."""
    first, trainer = prospects.job, prospects.trainer
    assert trainer
    parameters, changed = dict(first.parameters), list(first.changed_parameters)
    defaults = dict(first.default_parameters)
    if changes and parameters.get(STEPS) != total:
        parameters[STEPS] = total
        if STEPS not in changed and prospects.steps:
            changed.append(STEPS)
            defaults[STEPS] = prospects.steps.default
    new = TrainingJob.objects.create(
        pk=new_id,
        name=name,
        created_by_id=user.pk if user else None,
        continues=first,
        method_id=first.method_id,
        base_model_id=first.base_model_id,
        dataset_id=first.dataset_id,
        method_snapshot=first.method_snapshot | {"code_hash": trainer.code_hash},
        base_model_snapshot=first.base_model_snapshot,
        reference_snapshots=first.reference_snapshots,
        dataset_snapshot=first.dataset_snapshot,
        parameters=parameters,
        changed_parameters=changed,
        default_parameters=defaults,
        parameter_labels=first.parameter_labels,
        versions=versions(),
        seed=first.seed,
        queue=first.queue,
        gpus=first.gpus,
        total_steps=total,
    )
    new.referred_models.set(first.referred_models.all())
    if trainer.code_hash != first.method_snapshot.get("code_hash"):
        leases.record(new.pk, "note", text=_("The code of its trainer changed since the train that it continues."))
    return new
