from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from training_jobs import continuing
from training_jobs.continuing import Prospects
from training_jobs.management.finding import job_of, who
from training_jobs.submission import Refused


class Command(BaseCommand):
    help = "Queues a job that failed or was cancelled once more: it goes on from its newest checkpoint."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", help="the job's id")

    def handle(self, *, job: str, **options: Any) -> None:
        found = job_of(job)
        step = Prospects(found).start_step
        try:
            won = continuing.resume(found, by=who())
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        if not won:
            raise CommandError("Somebody else was first.")
        self.stdout.write(f"{found} is queued and " + (f"goes on from step {step}." if step else "starts anew."))
