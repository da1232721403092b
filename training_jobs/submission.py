"""Submitting a job: everything is checked at once, then frozen."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models, transaction
from django.utils import timezone
from pydantic import ValidationError

from training_jobs import dispatch, references, run_folders
from training_jobs.models import Dataset, FoundationModel, TrainingJob
from training_methods import catalog, config
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
    user: AbstractBaseUser | AnonymousUser | None = None,
) -> TrainingJob:
    """Queue a job that owes nothing to what becomes of its method, base model and dataset later."""
    name = name.strip() or default_name(method)
    wrong = wrong_name(name) | wrong_seed(seed) | wrong_base_model(base_model, method)
    try:
        trainer = catalog.get(method.trainer)
    except UnknownTrainer as error:
        raise Refused(wrong | {"method": str(error)}) from error
    if unfit := config.check(method.config, trainer):
        raise Refused(wrong | {"method": unfit_method(method, unfit)})
    parameters = config.offered(trainer, method.config)
    resolved, wrong_values = checked(parameters, values)
    referred, wrong_references = references.named(parameters, resolved)
    if wrong := wrong_values | wrong_references | wrong | wrong_dataset(dataset, trainer):
        raise Refused(wrong)
    resolved |= {one.name: getattr(referred.get(one.name), "name", None) for one in parameters if one.refers_to}
    snapshots = {
        "method_snapshot": snapshot_of_method(method, trainer, resolved),
        "base_model_snapshot": snapshot_of_base_model(base_model),
        "reference_snapshots": {name: snapshot_of_base_model(model) for name, model in referred.items()},
        "dataset_snapshot": {fact: getattr(dataset, fact) for fact in DATASET_FACTS},
    }
    if wrong := objections_of(trainer, resolved, snapshots):
        raise Refused(wrong)
    needed = config.resources(method.config)
    with transaction.atomic():
        refuse_if_gone({"method": method, "base_model": base_model, "dataset": dataset} | referred)
        job = TrainingJob.objects.create(
            name=name,
            created_by_id=user.pk if user else None,
            method=method,
            base_model=base_model,
            dataset=dataset,
            **snapshots,
            parameters=resolved,
            changed_parameters=[known.name for known in parameters if resolved[known.name] != known.default],
            versions=versions(),
            seed=seed,
            queue=needed.queue,
            gpus=needed.gpus,
        )
        job.referred_models.set(referred.values())
        dispatch.wake(job)
    return job


def default_name(method: TrainingMethod) -> str:
    return f"{method.internal_name}-{timezone.localtime():%Y%m%d-%H%M%S}"


def unfit_method(method: TrainingMethod, mistakes: dict[str, str]) -> str:
    """A trainer that changed under its method."""
    path, sentence = next(iter(mistakes.items()))
    return f"“{method}” does not fit its trainer any more: {path}: {sentence}"


def checked(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Every parameter with its value, and what is wrong with those given."""
    try:
        return values_model(list(parameters)).model_validate(dict(values)).model_dump(), {}
    except ValidationError as error:
        return {}, mistakes(error)


def wrong_name(name: str) -> dict[str, str]:
    if not NAME.fullmatch(name):
        return {"name": f"“{name}” is not a train name: use letters, digits, hyphens, underscores and dots."}
    if len(name) > LONGEST_NAME:
        return {"name": f"A train name has at most {LONGEST_NAME} characters; “{name[:20]}…” has {len(name)}."}
    return {}


def wrong_seed(seed: int) -> dict[str, str]:
    return {} if 0 <= seed <= LARGEST_SEED else {"seed": f"The seed {seed} is not between 0 and {LARGEST_SEED}."}


def wrong_base_model(base_model: FoundationModel, method: TrainingMethod) -> dict[str, str]:
    if not Path(base_model.path).is_dir():
        return {"base_model": f"The folder of “{base_model}”, {base_model.path}, is not there any more."}
    takes_reward_models = method.method_type in (MethodType.REWARD, MethodType.CUSTOM)
    if base_model.kind == FoundationModel.Kind.REWARD and not takes_reward_models:
        return {"base_model": f"“{base_model}” is a reward model; “{method}” starts from a language model."}
    return {}


def wrong_dataset(dataset: Dataset, trainer: TrainerInfo) -> dict[str, str]:
    if not Path(dataset.path).is_file():
        return {"dataset": f"The file of “{dataset}”, {dataset.path}, is not there any more."}
    if dataset.data_format not in trainer.data_formats:
        formats = " or ".join(trainer.data_formats)
        return {"dataset": f"“{dataset}” has the format {dataset.data_format}; {trainer.label} learns from {formats}."}
    return {}


def objections_of(trainer: TrainerInfo, values: dict[str, Any], snapshots: dict[str, Any]) -> dict[str, str]:
    """What a built-in trainer has against the run. A site's own is code that no web process loads: its run asks it."""
    if trainer.source != "built-in" or trainer.is_script:
        return {}
    try:
        recipe = discovery.load_trainer(trainer.slug)(**values)
    except ValidationError as error:
        return mistakes(error)
    models = {one["name"]: ModelFacts.model_validate(one) for one in snapshots["reference_snapshots"].values()}
    given = Inputs(
        base_model=ModelFacts.model_validate(snapshots["base_model_snapshot"]),
        dataset=DatasetFile.model_validate(snapshots["dataset_snapshot"]),
        models=models,
        rewards_file=catalog.rewards_file(),
    )
    return objections.found(recipe, given)


def refuse_if_gone(chosen: Mapping[str, models.Model]) -> None:
    """Between the form and now anybody may have deleted a record; from here on its row is ours until the commit."""
    gone = {
        field: f"“{record}” was deleted meanwhile."
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
    return {"python": python_version()} | {name: found for name in LIBRARIES if (found := version_of(name))}


def version_of(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
