import tempfile
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from pydantic import ValidationError

from training_methods import catalog, column_options, interpreters
from training_methods.catalog import TrainerInfo
from training_methods.trainers.base import DatasetFile, RunSpec, cpu_threads
from training_methods.trainers.events import CheckpointSaved, Event, Failure, Metrics, Note, Sample
from training_methods.trainers.parameters import in_lines, mistakes, values_model
from training_methods.trainers.rows import DataFormat, Mapping
from training_methods.trainers.survey import Request, survey
from training_methods.trial import Trial

LAST_SEED = 2**32 - 1  # as NumPy takes it


class Command(BaseCommand):
    help = "Runs a trainer here and now: no database, no worker. For trying out your own."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("trainer", help="its slug: sft, lora, custom01, … or one of the trainers folder")
        parser.add_argument("--base-model", required=True, metavar="FOLDER")
        parser.add_argument("--dataset", required=True, type=Path, metavar="FILE", help="JSONL, JSON, CSV or Parquet")
        column_options.add_to(parser)
        parser.add_argument("--output", required=True, type=Path, metavar="FOLDER", help="for the result; empty or new")
        parser.add_argument("--set", action="append", default=[], metavar="PARAMETER=VALUE", help="again for each one")
        parser.add_argument("--interpreter", type=Path, metavar="FILE", help="the Python that runs a script")
        parser.add_argument("--seed", type=int, default=42)

    def handle(self, *, trainer: str, **options: Any) -> None:
        info = find_trainer(trainer)
        folder = Path(tempfile.mkdtemp(prefix="trial-", dir=settings.DATA_DIR))
        try:
            spec = run_spec(info, folder, **options)
        except CommandError:
            rmtree(folder)
            raise
        with Trial(folder, spec) as trial:
            self.follow(trial)
        if isinstance(trial.ending, Failure):
            raise CommandError(f"{in_words(trial.ending)}\nThe log is in {trial.log}")
        if not trial.ending:
            raise CommandError(f"Ended at once. Its checkpoints are in {spec.checkpoints}", returncode=130)
        if trial.ending.outcome == "stopped":
            raise CommandError(f"Stopped. Its checkpoints are in {spec.checkpoints}", returncode=130)
        rmtree(folder)
        self.stdout.write(f"The result is in {spec.output}")

    def follow(self, trial: Trial) -> None:
        """Show what the child reports. Ctrl-C asks it to stop; a second one ends it."""
        events = trial.watch()
        try:
            self.show(events)
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):
                trial.stop()
                self.stderr.write("Stopping after a checkpoint. Press Ctrl-C again to end it at once.")
                self.show(trial.watch())

    def show(self, events: Any) -> None:
        for event in events:
            if line := as_line(event):
                self.stdout.write(line)


def find_trainer(slug: str) -> TrainerInfo:
    try:
        return catalog.get(slug)
    except catalog.UnknownTrainer as error:
        raise CommandError(f"{error} There are: {', '.join(sorted(catalog.trainers()))}.") from error


def run_spec(
    info: TrainerInfo, folder: Path, *, base_model: str, dataset: Path, output: Path, **options: Any
) -> RunSpec:
    if not 0 <= options["seed"] <= LAST_SEED:
        raise CommandError(f"--seed takes a whole number from 0 to {LAST_SEED}, not {options['seed']}.")
    if output.exists() and not output.is_dir():
        raise CommandError(f"The output folder {output} is a file.")
    if output.exists() and any(output.iterdir()):
        raise CommandError(f"The output folder {output} is not empty.")
    parameters = resolved(info, options["set"])
    return RunSpec(
        trainer=info.slug,
        trainer_file=info.file,
        rewards_file=catalog.rewards_file(),
        parameters=parameters,
        base_model=find_base_model(base_model),
        models={name: find_base_model(name) for name in named_models(info, parameters)},
        dataset=read_dataset(info, dataset, *column_options.chosen(options)),
        output=output.resolve(),
        checkpoints=folder / "checkpoints",
        interpreter=find_interpreter(info, options["interpreter"]),
        seed=options["seed"],
        threads=cpu_threads(),
        train_id=folder.name,
    )


def named_models(info: TrainerInfo, parameters: dict[str, Any]) -> list[str]:
    """The values of those parameters that refer to a base model."""
    return [parameters[one.name] for one in info.parameters if one.refers_to and parameters[one.name]]


def find_base_model(name: str) -> Path:
    """A folder, or the name of one among the console's base models."""
    for folder in (Path(name), settings.DATA_DIR / "base-models" / name):
        if folder.is_dir():
            return folder.resolve()
    raise CommandError(f"There is no base model folder {name}.")


def find_interpreter(info: TrainerInfo, file: Path | None) -> Path | None:
    """As it was named, since a virtual environment's python is a link that must not be followed."""
    if file and not info.is_script:
        raise CommandError(f"“{info.slug}” is no script: a trainer class runs in this Python.")
    if file and (sentence := interpreters.problem(str(file.absolute()))):
        raise CommandError(sentence)
    return file.absolute() if file else None


def read_dataset(
    info: TrainerInfo, path: Path, data_format: DataFormat | None = None, mapping: Mapping | None = None
) -> DatasetFile:
    """The file, in the format that is detected unless one is given.

    Prompts with answers stay prompts for a trainer that rates answers.
    """
    request = Request(path=path.resolve(), data_format=data_format, mapping=mapping or {}, whole=False)
    found = survey(request)
    if not data_format and found.data_format is DataFormat.PROMPT_COMPLETION and DataFormat.PROMPT in info.data_formats:
        prompts = survey(request.model_copy(update={"data_format": DataFormat.PROMPT}))
        found = prompts if "answer" in prompts.mapping else found
    if found.refusal or found.data_format is None:
        raise CommandError(f"{path} {found.refusal}.{column_options.advice(found)}")
    if found.data_format not in info.data_formats:
        able = ", ".join(info.data_formats)
        raise CommandError(
            f"{path} holds {found.data_format}, and the trainer {info.slug} reads {able}.\n"
            "If its columns go by other names, say so with --format and --map."
        )
    return DatasetFile(path=path.resolve(), data_format=found.data_format, mapping=found.mapping, columns=found.columns)


def resolved(info: TrainerInfo, settings: list[str]) -> dict[str, Any]:
    """Every parameter with its value. A script takes others besides, as they are written."""
    given = dict(parse(setting) for setting in settings)
    known = {parameter.name: parameter for parameter in info.parameters}
    values = {
        name: None if not value and known[name].nullable else value for name, value in given.items() if name in known
    }
    more = {name: value for name, value in given.items() if name not in known}
    try:
        return {**values_model(info.parameters)(**values, **({} if info.is_script else more)).model_dump(), **more}
    except ValidationError as error:
        raise CommandError(in_lines(mistakes(error), info.parameters)) from error


def parse(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals:
        raise CommandError(f"--set takes PARAMETER=VALUE, not “{setting}”.")
    return name.strip(), value


def as_line(event: Event) -> str:
    match event:
        case Metrics():
            values = "  ".join(f"{name} {shown(value)}" for name, value in event.values.items())
            return f"step {event.step}/{event.total or '?'}  {values}"
        case Note():
            return event.text
        case CheckpointSaved():
            return f"Checkpoint at step {event.step}: {event.path}"
        case Sample():
            return f"step {event.step}  “{event.prompt}” → “{event.answer}”"
    return ""


def shown(value: float | None) -> str:
    return "not a number" if value is None else f"{value:.4g}"


def in_words(failure: Failure) -> str:
    return "\n".join(filter(None, (failure.message, failure.hint, failure.evidence, failure.traceback)))
