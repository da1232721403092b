"""The folder of one attempt: what the child is told, and what it starts from."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from training_jobs import customized_models
from training_jobs.models import Checkpoint, TrainingJob
from training_methods import catalog, config
from training_methods.trainers import discovery
from training_methods.trainers.base import FINISH, RunSpec
from training_methods.trainers.events import Cause, Failure
from training_methods.trainers.inputs import DatasetFile


def lay_out(job: TrainingJob, directory: Path, *, threads: int, devices: Sequence[str] | None = None) -> RunSpec:
    """Make the folder with its run.json."""
    spec = run_spec(job, directory, threads=threads, devices=devices)
    for folder in (spec.output, spec.checkpoints):
        folder.mkdir(parents=True, exist_ok=True)  # asked again after a database that was away
    (directory / "run.json").write_text(spec.model_dump_json(indent=2))
    return spec


def run_spec(job: TrainingJob, directory: Path, *, threads: int, devices: Sequence[str] | None) -> RunSpec:
    """From the job's snapshots alone: what became of the method or the base model's record since does not count."""
    method, dataset = job.method_snapshot, job.dataset_snapshot
    return RunSpec(
        trainer=method["trainer"],
        trainer_file=method["trainer_file"],
        rewards_file=catalog.rewards_file(),
        interpreter=config.interpreter(method["config"]),
        parameters=job.parameters,
        base_model=job.base_model_snapshot["path"],
        base_model_name=job.base_model_snapshot["name"],
        models={model["name"]: model["path"] for model in job.reference_snapshots.values()},
        dataset=DatasetFile.model_validate(dataset),
        output=directory / "output",
        checkpoints=directory / "checkpoints",
        resume_from=start_of(job),
        seed=job.seed,
        threads=threads,
        devices=None if devices is None else list(devices),
        name=job.name,
        train_id=str(job.pk),
        model_name=customized_models.name_of(job),
    )


def newest_checkpoint(job: TrainingJob) -> Checkpoint | None:
    """The last one an attempt saved to its end, unless it was removed since."""
    return next((one for one in job.checkpoints.there() if one.is_there), None)


def start_of(job: TrainingJob) -> Path | None:
    """Where the next attempt goes on: its own newest checkpoint, or that of the job it continues."""
    if newest := newest_checkpoint(job):
        return Path(newest.path)
    return Path(job.start_checkpoint["path"]) if job.start_checkpoint else None


def ask_to_finish(directory: Path) -> None:
    """Tell the run that works there to end early, with its result. A file, which no run is too busy to find."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / FINISH).touch()


def changed_code(job: TrainingJob) -> Iterator[str]:
    """What of the job's code is not any more as it was at submit, a sentence each: it runs as it is now."""
    method = job.method_snapshot
    if file := trainer_file(method):
        yield from difference(f"The code of the trainer {method['trainer']}", method.get("code_hash"), file)
    yield from difference("The file of the site's own rewards", method.get("rewards_hash"), catalog.rewards_file())


def trainer_file(method: dict[str, Any]) -> Path | None:
    """None: an installed package's, whose version tells what it is."""
    if file := method["trainer_file"]:
        return Path(file)
    return discovery.built_in_file(method["trainer"]) if method["trainer"] in discovery.BUILT_IN else None


def difference(what: str, before: str | None, file: Path | None) -> Iterator[str]:
    now = hash_of(file) if file and file.is_file() else None
    if before and now != before:
        has = f"runs as {now[:12]}" if now else "is gone"
        yield f"{what} changed after the job was submitted: it was {before[:12]}, and {has}."


def hash_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def missing_input(job: TrainingJob) -> Failure | None:
    """Why the job cannot start, if what it was made of is gone: for a page, or in a worker, which speaks English."""
    models = [job.base_model_snapshot, *job.reference_snapshots.values()]
    for snapshot in [*models, job.dataset_snapshot]:
        if not Path(snapshot["path"]).exists():
            is_dataset = snapshot is job.dataset_snapshot
            model_gone = _("The base model “%(name)s” is not at %(path)s any more.")
            gone = _("The dataset “%(name)s” is not at %(path)s any more.") if is_dataset else model_gone
            return Failure(
                cause=Cause.DATASET if is_dataset else Cause.BASE_MODEL,
                message=gone % {"name": snapshot["name"], "path": snapshot["path"]},
                hint=_("Put it back, or register it again and start a new train."),
            )
    start = start_of(job)
    if start and not start.is_dir():
        gone = _("The checkpoint that this train goes on from is not at %(path)s any more.")
        return Failure(message=gone % {"path": start})
    return None
