import json
import sys
from argparse import ArgumentParser
from typing import Any, TypeVar

from django.core.management import BaseCommand, CommandError
from django.db.models import Model, QuerySet

from training_jobs import stored_values
from training_jobs.follow import follow
from training_jobs.models import Dataset, FoundationModel, ParameterProfile, Priority, Status, TrainingJob
from training_jobs.submission import Refused, submit
from training_methods import catalog, config
from training_methods.models import TrainingMethod
from training_methods.trainers.parameters import Parameter, in_lines

M = TypeVar("M", bound=Model)


class Command(BaseCommand):
    help = "Queues a training job; with --wait, shows its progress and exits 0 only if it succeeds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--method", required=True, help="internal name of a training method")
        parser.add_argument("--base-model", required=True, help="name or id of a base model")
        parser.add_argument("--dataset", required=True, help="name or id of a dataset")
        parser.add_argument("--name", default="", help="train name; from the method and the time if left out")
        parser.add_argument("--profile", default="", help="name of a profile of the method, whose values --set changes")
        parser.add_argument("--set", action="append", default=[], metavar="PARAMETER=VALUE", help="again for each one")
        parser.add_argument("--seed", type=int, default=42)
        parser.add_argument("--priority", choices=[one.name.lower() for one in Priority], default="normal")
        parser.add_argument("--wait", action="store_true", help="until it has ended")
        parser.add_argument("--json", action="store_true", help="the outcome as JSON in the last line")

    def handle(self, *, method: str, base_model: str, dataset: str, **options: Any) -> None:
        found = find_method(method)
        try:
            job = submit(
                method=found,
                base_model=find_named(FoundationModel.objects.all(), "base model", base_model),
                dataset=find_named(Dataset.objects.all(), "dataset", dataset),
                name=options["name"],
                values=self.values_of(found, options["profile"]) | dict(parse(setting) for setting in options["set"]),
                seed=options["seed"],
                priority=Priority[options["priority"].upper()],
            )
        except Refused as refused:
            raise CommandError(in_lines(refused.mistakes, offered_by(found))) from refused
        self.tell(f"{job} is job {job.pk}.", **options)
        if options["wait"]:
            job = self.wait_for(job)
        self.report(job, **options)
        if options["wait"] and job.status != Status.SUCCEEDED:
            sys.exit(1)

    def values_of(self, method: TrainingMethod, profile: str) -> dict[str, Any]:
        """The profile's, those aside that the method has no use for any more; `submit` refuses the ones that misfit."""
        if not profile:
            return {}
        stored = find_profile(method, profile).values
        offered = offered_by(method)
        if not offered:
            return stored  # `submit` says what is the matter
        names = {parameter.name for parameter in offered}
        for name, sentence in stored_values.fit(stored, offered, method).misfits.items():
            if name not in names:
                self.stderr.write(sentence)
        return {name: value for name, value in stored.items() if name in names}

    def wait_for(self, job: TrainingJob) -> TrainingJob:
        try:
            return follow(job, sys.stderr)
        except KeyboardInterrupt:
            self.stderr.write(f"\nNo longer waiting; job {job.pk} goes on without us.")
            sys.exit(130)
        except TrainingJob.DoesNotExist as error:
            raise CommandError(f"Job {job.pk} was deleted.") from error

    def report(self, job: TrainingJob, **options: Any) -> None:
        facts = outcome(job)
        if job.stopped_early:
            self.tell(f"{job.stopped_early}.", **options)
        if job.failure:
            self.stderr.write(in_words(job.failure))
        if facts["output_dir"]:
            self.tell(f"The customized model is in {facts['output_dir']}", **options)
        if options["json"]:
            self.stdout.write(json.dumps(facts))

    def tell(self, sentence: str, **options: Any) -> None:
        """With --json, the standard output is for the JSON alone."""
        (self.stderr if options["json"] else self.stdout).write(sentence)


def find(records: QuerySet[M], what: str, name: str) -> M:
    if found := records.first():
        return found
    raise CommandError(f"There is no {what} “{name}”. There are: {known_names(records.model)}.")


def find_method(name: str) -> TrainingMethod:
    try:
        return find(TrainingMethod.objects.filter(internal_name=name), "training method", name)
    except CommandError as error:
        if name not in catalog.trainers():
            raise
        more = f"“{name}” is a trainer: a method that runs it is added in the console, Methods → Add a New."
        raise CommandError(f"{error}\n{more}") from error


def find_named(records: QuerySet[M], what: str, name: str) -> M:
    """By name without regard to case, or by id."""
    by_name = records.filter(name__iexact=name)
    return find(records.filter(pk=name) if name.isdecimal() and not by_name.exists() else by_name, what, name)


def find_profile(method: TrainingMethod, name: str) -> ParameterProfile:
    """By name without regard to case."""
    if found := method.profiles.filter(name__iexact=name).first():
        return found
    names = ", ".join(method.profiles.values_list("name", flat=True)[:20]) or "none yet"
    raise CommandError(f"{method} has no profile “{name}”. There are: {names}.")


def known_names(model: type[Model]) -> str:
    field = "internal_name" if model is TrainingMethod else "name"
    names = model._default_manager.order_by(field).values_list(field, flat=True)[:20]
    return ", ".join(names) or "none yet"


def parse(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals:
        raise CommandError(f"--set takes PARAMETER=VALUE, not “{setting}”.")
    return name.strip(), value


def offered_by(method: TrainingMethod) -> list[Parameter]:
    """What may be set. Nothing, where its trainer is gone or its configuration does not fit."""
    trainer = catalog.trainers().get(method.trainer)
    return config.offered(trainer, method.config) if trainer and not config.check(method.config, trainer) else []


def in_words(failure: dict[str, str]) -> str:
    return "\n".join(filter(None, (failure[part] for part in ("message", "hint", "evidence", "traceback"))))


def outcome(job: TrainingJob) -> dict[str, Any]:
    model = getattr(job, "customized_model", None)
    return {
        "id": str(job.pk),
        "status": job.status,
        "metrics": job.latest_metrics,
        "error": job.failure["message"] if job.failure else None,
        "output_dir": model.path if model else None,
    }
