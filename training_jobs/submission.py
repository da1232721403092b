"""Submitting a job: everything is checked at once, then frozen."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import ValidationError

from training_jobs import dispatch, ordering, previews, references, run_folders, setting_names
from training_jobs.models import Dataset, FoundationModel, Priority, TrainingJob
from training_methods import catalog, config, descriptions, sentences
from training_methods.catalog import TrainerInfo, UnknownTrainer
from training_methods.models import TrainingMethod
from training_methods.trainers import Inputs, MethodType, discovery, objections, reward_mix
from training_methods.trainers.inputs import DatasetFile, ModelFacts
from training_methods.trainers.parameters import Parameter, mistakes, values_model

NAME = re.compile(r"\w[\w.-]*")
LONGEST_NAME = 100
LARGEST_SEED = 2**32 - 1  # NumPy takes no larger one
LIBRARIES = ("accelerate", "datasets", "deepextension", "peft", "safetensors", "torch", "transformers", "trl")
BASE_MODEL_FACTS = (
    "id", "name", "path", "kind", "architecture", "weights", "parameter_count", "context_length", "vocabulary_size",
    "has_chat_template", "fingerprint",
)  # fmt: skip
DATASET_FACTS = (
    "id", "name", "path", "original_name", "data_format", "mapping", "columns", "sha256", "row_count", "in_turns",
)  # fmt: skip


class Refused(Exception):
    """The job cannot be started. `mistakes` has a sentence for each field, and each parameter, at fault."""

    def __init__(self, mistakes: dict[str, str]) -> None:
        super().__init__(" ".join(mistakes.values()))
        self.mistakes = mistakes


def submit(
    *,
    method: TrainingMethod,
    base_model: FoundationModel,
    dataset: Dataset,
    name: str = "",
    values: Mapping[str, Any],
    seed: int = 42,
    priority: Priority = Priority.NORMAL,
    user: AbstractBaseUser | AnonymousUser | None = None,
    copied_from: TrainingJob | None = None,
    preflight: dict[str, Any] | None = None,
) -> TrainingJob:
    """Queue a job that owes nothing to what becomes of its method, base model and dataset later.

    `preflight` is the report of what was found before, to be kept with it.
    """
    name = name.strip() or default_name(method)
    wrong = wrong_name(name) | wrong_seed(seed) | wrong_base_model(base_model, method) | wrong_priority(priority, user)
    job, referred = frozen(method, base_model, dataset, values, wrong, seed)
    job.name, job.priority = name, priority
    job.created_by_id, job.copied_from, job.preflight = user.pk if user else None, copied_from, preflight
    with transaction.atomic():
        refuse_if_gone({"method": method, "base_model": base_model, "dataset": dataset} | referred)
        job.save(force_insert=True)
        job.referred_models.set(referred.values())
        dispatch.wake(job)
    return job


def frozen(
    method: TrainingMethod,
    base_model: FoundationModel,
    dataset: Dataset,
    values: Mapping[str, Any],
    wrong: dict[str, str],
    seed: int,
) -> tuple[TrainingJob, dict[str, FoundationModel]]:
    """A job that is not stored yet, with what was chosen as it is now, and the base models that its values name.

    Raises Refused with all that is wrong, what is known to be so by now among it.
    """
    try:
        trainer = catalog.get(method.trainer)
    except UnknownTrainer as error:
        raise Refused(wrong | {"method": str(error)}) from error
    if unfit := unfit_method(method, trainer):
        raise Refused(wrong | {"method": unfit})
    parameters = config.offered(trainer, method.config)
    resolved, wrong_values = checked(parameters, values)
    referred, wrong_references = references.named(parameters, resolved)
    if wrong := wrong_values | wrong_references | wrong | wrong_dataset(dataset, trainer):
        raise Refused(wrong)
    resolved |= {one.name: getattr(referred.get(one.name), "name", None) for one in parameters if one.refers_to}
    snapshots = snapshots_of(method, trainer, base_model, dataset, resolved, referred)
    planned = previews.Complete(method=method, trainer=trainer, values=resolved, snapshots=snapshots, seed=seed)
    if wrong := objections_of(trainer, resolved, snapshots) or previews.refusal(planned):
        raise Refused(wrong)
    needed = config.resources(method.config)
    changed = {known.name: known.default for known in parameters if resolved[known.name] != known.default}
    job = TrainingJob(
        method=method,
        base_model=base_model,
        dataset=dataset,
        **snapshots,
        seed=seed,
        parameters=resolved,
        changed_parameters=list(changed),
        default_parameters=changed,
        parameter_labels=setting_names.frozen(parameters),
        versions=versions(),
        queue=needed.queue,
        gpus=needed.gpus,
    )
    return job, referred


def default_name(method: TrainingMethod) -> str:
    return f"{method.internal_name}-{timezone.localtime():%Y%m%d-%H%M%S}"


def first_free(names: Iterable[str]) -> str:
    """The first that no train has."""
    return next(name for name in names if not TrainingJob.objects.filter(name=name).exists())


def unfit_method(method: TrainingMethod, trainer: TrainerInfo) -> str:
    """That the trainer changed under its method, and how; empty if it did not."""
    for path, sentence in config.check(method.config, trainer).items():
        known = {"method": method, "path": path, "sentence": sentence}
        return _("“%(method)s” does not fit its trainer any more: %(path)s: %(sentence)s") % known
    return ""


def checked(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Every parameter with its value, and what is wrong with those given."""
    try:
        return values_model(list(parameters)).model_validate(dict(values)).model_dump(), {}
    except ValidationError as error:
        return {}, mistakes(error, sentences.translated)


def wrong_name(name: str) -> dict[str, str]:
    if not NAME.fullmatch(name):
        sentence = _("“%(name)s” is not a train name: use letters, digits, hyphens, underscores and dots.")
        return {"name": sentence % {"name": name}}
    if len(name) > LONGEST_NAME:
        sentence = _("A train name has at most %(most)d characters; “%(name)s…” has %(number)d.")
        return {"name": sentence % {"most": LONGEST_NAME, "name": name[:20], "number": len(name)}}
    return {}


def wrong_seed(seed: int) -> dict[str, str]:
    if 0 <= seed <= LARGEST_SEED:
        return {}
    return {"seed": _("The seed %(seed)d is not between 0 and %(most)d.") % {"seed": seed, "most": LARGEST_SEED}}


def wrong_priority(priority: int, user: Any) -> dict[str, str]:
    """Nobody puts a job of theirs before everybody else's by themselves."""
    if priority > Priority.NORMAL and not ordering.may_order(user):
        return {"priority": _("Administrators give a train a higher priority than normal.")}
    return {}


def wrong_base_model(base_model: FoundationModel, method: TrainingMethod) -> dict[str, str]:
    if not Path(base_model.path).is_dir():
        known = {"model": base_model, "folder": base_model.path}
        return {"base_model": _("The folder of “%(model)s”, %(folder)s, is not there any more.") % known}
    takes_reward_models = method.method_type in (MethodType.REWARD, MethodType.CUSTOM)
    if base_model.kind == FoundationModel.Kind.REWARD and not takes_reward_models:
        known = {"model": base_model, "method": method}
        return {"base_model": _("“%(model)s” is a reward model; “%(method)s” starts from a language model.") % known}
    return {}


def wrong_dataset(dataset: Dataset, trainer: TrainerInfo) -> dict[str, str]:
    if not Path(dataset.path).is_file():
        known = {"dataset": dataset, "file": dataset.path}
        return {"dataset": _("The file of “%(dataset)s”, %(file)s, is not there any more.") % known}
    if dataset.data_format not in trainer.data_formats:
        known = {"dataset": dataset, "format": dataset.format_label, "trainer": _(trainer.label)}
        formats = _(" or ").join(_(one.label) for one in trainer.data_formats)
        sentence = _("“%(dataset)s” has the format %(format)s; %(trainer)s learns from %(formats)s.")
        return {"dataset": sentence % (known | {"formats": formats})}
    return {}


def objections_of(trainer: TrainerInfo, values: dict[str, Any], snapshots: dict[str, Any]) -> dict[str, str]:
    """What a built-in trainer has against the run. A site's own is code that no web process loads: its run asks it."""
    if trainer.source != catalog.BUILT_IN or trainer.is_script:
        return {}
    try:
        recipe = discovery.load_trainer(trainer.slug)(**values)
    except ValidationError as error:
        return mistakes(error, sentences.translated)
    models = {one["name"]: ModelFacts.model_validate(one) for one in snapshots["reference_snapshots"].values()}
    given = Inputs(
        base_model=ModelFacts.model_validate(snapshots["base_model_snapshot"]),
        dataset=DatasetFile.model_validate(snapshots["dataset_snapshot"]),
        models=models,
        rewards_file=catalog.rewards_file(),
    )
    return {field: sentences.translated(said) for field, said in objections.found(recipe, given).items()}


def snapshots_of(
    method: TrainingMethod,
    trainer: TrainerInfo,
    base_model: FoundationModel,
    dataset: Dataset,
    resolved: Mapping[str, Any],
    referred: Mapping[str, FoundationModel],
) -> dict[str, Any]:
    """What was chosen, as a job keeps it."""
    return {
        "method_snapshot": snapshot_of_method(method, trainer, resolved),
        "base_model_snapshot": snapshot_of_base_model(base_model),
        "reference_snapshots": {name: snapshot_of_base_model(model) for name, model in referred.items()},
        "dataset_snapshot": {fact: getattr(dataset, fact) for fact in DATASET_FACTS},
    }


def refuse_if_gone(chosen: Mapping[str, models.Model]) -> None:
    """Between the form and now anybody may have deleted a record; from here on its row is ours until the commit."""
    gone = {
        field: _("“%(record)s” was deleted meanwhile.") % {"record": record}
        for field, record in chosen.items()
        if not type(record)._default_manager.select_for_update().filter(pk=record.pk).exists()
    }
    if gone:
        raise Refused(gone)


def snapshot_of_base_model(base_model: FoundationModel) -> dict[str, Any]:
    return {fact: getattr(base_model, fact) for fact in BASE_MODEL_FACTS}


def snapshot_of_method(method: TrainingMethod, trainer: TrainerInfo, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "internal_name": method.internal_name,
        "display_name": method.display_name,
        "method_type": method.method_type,
        "description": method.description,
        "config": method.config,
        "trainer": trainer.slug,
        "trainer_file": str(trainer.file) if trainer.file else None,
        "code_hash": trainer.code_hash,
        "rewards_hash": hash_of_rewards(trainer, values),
    }


def hash_of_rewards(trainer: TrainerInfo, values: Mapping[str, Any]) -> str | None:
    """Of the site's own rewards, where the values name some."""
    texts = [values[one.name] for one in trainer.parameters if one.grammar == "rewards" and values[one.name]]
    own = any(reward.function is None for text in texts for reward in reward_mix.parse(text))
    file = catalog.rewards_file() if own else None
    return run_folders.hash_of(file) if file else None


def versions() -> dict[str, str]:
    """Of Python and what trains, read off the installed packages without importing them."""
    return versions_since(descriptions.packages_changed_at())


@cache
def versions_since(changed_at: int) -> dict[str, str]:
    """To read them took most of the time that a submission takes, and they stay until a package is installed."""
    return {"python": python_version()} | {name: found for name in LIBRARIES if (found := version_of(name))}


def version_of(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
