from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from training_jobs import stops
from training_jobs.management.finding import job_of, who


class Command(BaseCommand):
    help = "Stops a training job: by itself it is cancelled, with a checkpoint. Exits 1 if there is nothing to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", help="the job's id")
        how = parser.add_mutually_exclusive_group()
        for way, option in ((stops.SAVE, "--save"), (stops.NOW, "--now")):
            text = way.sentence.replace("%", "%%")
            how.add_argument(option, action="store_const", const=way, dest="way", default=stops.CANCEL, help=text)

    def handle(self, *, job: str, way: stops.Way, **options: Any) -> None:
        found = job_of(job)
        won = stops.ask(found, way, by=who())
        sentence = stops.said(found, way, won=won)
        if not won:
            raise CommandError(sentence)
        self.stdout.write(sentence)
