import json
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from training_methods import catalog
from training_methods.bench import Bench
from training_methods.bench_results import Check, missing
from training_methods.catalog import TrainerInfo
from training_methods.management.commands.run_trainer import find_interpreter, find_trainer, parse, resolved


class Command(BaseCommand):
    help = "Tries a trainer on a tiny model made for it: trains, reports, stops, resumes, leaves a model that loads."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("trainer", help="its slug: sft, lora, custom01, … or one of the trainers folder")
        parser.add_argument("--set", action="append", default=[], metavar="PARAMETER=VALUE", help="again for each one")
        parser.add_argument("--interpreter", type=Path, metavar="FILE", help="the Python that runs a script")
        parser.add_argument("--time-limit", type=float, default=300, metavar="SECONDS", help="for the short training")
        parser.add_argument("--stop-limit", type=float, default=60, metavar="SECONDS", help="from request to end")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *, trainer: str, **options: Any) -> None:
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir=settings.DATA_DIR))
        try:
            asked = checks_of(trainer, folder, options)
        except CommandError:
            rmtree(folder)
            raise
        checks = []
        for check in asked:
            checks.append(check)
            if not options["json"]:
                self.stdout.write(as_line(check))
        failed = any(check.outcome == "failed" for check in checks)
        if options["json"]:
            said = {"trainer": trainer, "passed": not failed, "checks": [check.model_dump() for check in checks]}
            self.stdout.write(json.dumps(said, indent=2, ensure_ascii=False))
        if failed:
            raise CommandError(f"The trainer {trainer} does not pass. Its logs are in {folder}")
        rmtree(folder)
        if not options["json"]:
            self.stdout.write(f"The trainer {trainer} passes.")


def checks_of(slug: str, folder: Path, options: dict[str, Any]) -> Iterator[Check]:
    """Raises CommandError where nothing can be tried, before anything is."""
    if any(slug in broken.slugs for broken in catalog.broken()):
        return iter([missing(slug)])
    info = find_trainer(slug)
    limits = {"time_limit": options["time_limit"], "stop_limit": options["stop_limit"]}
    interpreter = find_interpreter(info, options["interpreter"])
    settings = chosen(info, options["set"])
    return Bench(info=info, folder=folder, chosen=settings, interpreter=interpreter, **limits).checks()


def chosen(info: TrainerInfo, settings: list[str]) -> dict[str, Any]:
    """The parameters that are set, checked. The bench finds values for the others."""
    names = {parse(setting)[0] for setting in settings}
    named = [parameter for parameter in info.parameters if parameter.name in names]
    return resolved(info.model_copy(update={"parameters": named}), settings)


def as_line(check: Check) -> str:
    place = f"\n{'':38}{check.file}, line {check.line}" if check.line else ""
    return f"{check.outcome:<10}{check.name:<28}{check.said}{place}"
