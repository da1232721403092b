"""What surrounds a recipe in its child process: the stage is set, the recipe runs, and the end is put into words."""

import errno
import os
import random
import shutil
import sys
import traceback
from pathlib import Path

from training_methods.trainers import failures, lifeline, objections
from training_methods.trainers.base import Run, Trainer, TrainingError
from training_methods.trainers.discovery import load_trainer
from training_methods.trainers.events import EventLog, Finished


def perform(directory: Path, event_log: type[EventLog] = EventLog) -> int:
    """Run the trainer that `directory` describes. Returns the exit code; how it ended is the last event."""
    run = Run(directory, event_log)
    try:
        set_stage(run)
        trainer = loaded(run.spec.trainer, run.spec.trainer_file)
        recipe = trainer(**run.spec.parameters)
        if said := objections.found(recipe, run.inputs):
            raise TrainingError(" ".join(said.values()))
        recipe.train(run)
        run.events.write(finished(run, trainer))
    except BaseException as error:  # the last frame of the process: whatever it was, it is reported
        return report(error, run)
    finally:
        shutil.rmtree(run.scratch, ignore_errors=True)
    return 0


def report(error: BaseException, run: Run) -> int:
    """The exit code, which alone tells why where the disk has no room for words."""
    try:
        run.events.write(failures.failure(error, run.spec.trainer_file))
        traceback.print_exception(error)
    except OSError as unsaid:
        if unsaid.errno != errno.ENOSPC:
            raise
        shutil.rmtree(run.scratch, ignore_errors=True)
        os._exit(failures.NO_ROOM)  # any other way out flushes what there is no room for
    return 1


def loaded(slug: str, file: Path | None) -> type[Trainer]:
    """Raises TrainingError with the line where the site's own file does not load."""
    try:
        return load_trainer(slug, file)
    except TrainingError:
        raise
    except BaseException as error:
        if file is None:
            raise
        raise failures.not_loading(file, error) from error


def set_stage(run: Run) -> None:
    """Before anything heavy is imported: torch reads these variables once, when it loads."""
    lifeline.hold(run.directory)
    run.listen_for_stop()
    run.output.mkdir(parents=True, exist_ok=True)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    random.seed(run.seed)
    os.environ |= {"OMP_NUM_THREADS": str(run.spec.threads), "MKL_NUM_THREADS": str(run.spec.threads)}
    if torch := sys.modules.get("torch"):  # loaded by the warm parent
        torch.set_num_threads(run.spec.threads)
    set_defaults()
    if run.spec.devices is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(run.spec.devices)
    elif "WORLD_SIZE" not in os.environ:  # one process drives one card; several are driven by several processes
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")


def set_defaults() -> None:
    """Settings that the training stack reads when it is imported, as far as nobody has chosen otherwise."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning: ten times slower a step beside a busy neighbour
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def finished(run: Run, trainer: type[Trainer]) -> Finished:
    if run.stop_requested:
        return Finished(outcome="stopped", values=run.latest)
    has_result = run.output.is_dir() and any(run.output.iterdir())
    if run.ends_early and not has_result:
        return Finished(outcome="stopped", values=run.latest, early=True)
    if not has_result:
        raise TrainingError(f"The trainer “{trainer.slug}” ended without leaving a model in the output folder.")
    return Finished(outcome="succeeded", result=result_kind(run.output), values=run.latest, early=run.ends_early)


def result_kind(output: Path) -> str | None:
    """An adapter goes on top of its base model, a complete model stands alone. None: neither was recognised."""
    if (output / "adapter_config.json").exists():
        return "adapter"
    return "complete" if (output / "config.json").exists() else None
