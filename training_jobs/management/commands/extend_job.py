from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from training_jobs import continuing
from training_jobs.continuing import Prospects
from training_jobs.management.finding import job_of
from training_jobs.models import Checkpoint, TrainingJob
from training_jobs.submission import Refused


class Command(BaseCommand):
    help = "Queues a new job that goes on from a checkpoint of one that has ended, with the same settings."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", help="the job's id")
        parser.add_argument("--steps", type=int, required=True, help="how many further steps")
        parser.add_argument("--from-step", type=int, help="the checkpoint to begin at; the newest if left out")
        parser.add_argument("--name", default="", help="train name")

    def handle(self, *, job: str, steps: int, from_step: int | None, name: str, **options: Any) -> None:
        found = job_of(job)
        checkpoint = checkpoint_of(found, from_step)
        try:
            new = continuing.go_on(found, checkpoint, steps=steps, name=name or continuing.offered_name(found))
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"{new} is job {new.pk}. It goes on from step {new.step} to step {new.total_steps}.")


def checkpoint_of(job: TrainingJob, step: int | None) -> Checkpoint:
    """The newest, or that of a step. Raises CommandError."""
    if why_not := Prospects(job).why_not_continued:
        raise CommandError(why_not)
    there = [one for one in job.checkpoints.there() if one.is_there]
    for one in there:
        if step in (None, one.step):
            return one
    raise CommandError(
        f"There is no checkpoint of step {step}. There are: {', '.join(str(one.step) for one in there)}."
    )
