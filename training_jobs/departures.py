"""Where a copy cannot be the same as the train that it is filled in from, its settings aside: a sentence each."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from training_jobs import lineage, run_folders
from training_jobs.drafts import Settings
from training_jobs.models import FoundationModel, TrainingJob
from training_methods import catalog, config
from training_methods.models import TrainingMethod


def of(job: TrainingJob, settings: Settings | None) -> list[str]:
    found = [*deleted(job), *other_models(job)]
    return [*found, *other_code(job, settings), *other_conditions(job, settings.method)] if settings else found


def deleted(job: TrainingJob) -> Iterator[str]:
    if job.method_id is None:
        name = job.method_snapshot["display_name"]
        yield _("The training method “%(name)s” is deleted: choose another.") % {"name": name}
    if job.base_model_id is None:
        name = job.base_model_snapshot["name"]
        yield _("The base model “%(name)s” is deleted: choose another.") % {"name": name}
    if job.dataset_id is None:
        name = job.dataset_snapshot["name"]
        yield _("The dataset “%(name)s” is deleted: choose another.") % {"name": name}


def other_models(job: TrainingJob) -> Iterator[str]:
    """Settings name a model by its name, and another may have that by now. Of one that is gone its setting tells."""
    for snapshot in job.reference_snapshots.values():
        model = FoundationModel.objects.filter(name__iexact=snapshot["name"]).first()
        if model and model.fingerprint != snapshot["fingerprint"]:
            yield _("The base model “%(name)s” is another one than in the train copied.") % {"name": model}


def other_code(job: TrainingJob, settings: Settings) -> Iterator[str]:
    if settings.trainer.code_hash != job.method_snapshot["code_hash"]:
        yield _("The code of %(method)s has changed since.") % {"method": settings.method}
    rewards, file = job.method_snapshot.get("rewards_hash"), catalog.rewards_file()
    if rewards and not (file and run_folders.hash_of(file) == rewards):
        yield _("The site's own rewards have changed since.")


def other_conditions(job: TrainingJob, method: TrainingMethod) -> Iterator[str]:
    needed = config.resources(method.config)
    now = lineage.conditions(method.config, needed.queue, needed.gpus)
    then = lineage.conditions(job.method_snapshot.get("config") or {}, job.queue, job.gpus)
    for name, was in then.items():
        if was != now[name]:
            known = {"name": name, "was": was, "now": now[name]}
            yield _("%(name)s: %(was)s in the train copied, %(now)s now.") % known
