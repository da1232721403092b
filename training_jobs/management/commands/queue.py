from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError

from training_jobs import ordering, waiting
from training_jobs.models import Priority, TrainingJob

CHANGES: dict[str, Callable[..., Any]] = {
    "hold": ordering.hold,
    "release": ordering.release,
    "first": ordering.move_first,
    "up": ordering.move_up,
    "down": ordering.move_down,
}
PRIORITIES = {priority.name.lower(): priority for priority in Priority}


class Command(BaseCommand):
    help = "Lists the waiting trains in turn; with a change and a train's id or name, changes that."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("change", nargs="?", choices=[*CHANGES, *PRIORITIES])
        parser.add_argument("train", nargs="?", help="id or name of a waiting train")

    def handle(self, *, change: str | None, train: str | None, **options: Any) -> None:
        if not change:
            self.list_all()
        elif not train:
            raise CommandError(f"Which train? As in: queue {change} ID")
        else:
            self.change(change, find(train))

    def change(self, change: str, job: TrainingJob) -> None:
        if not apply(change, job):
            raise CommandError(f"Nothing changed: “{job}” does not wait any more, or is so already.")
        self.stdout.write(f"{job} ({job.pk}): {change}.")

    def list_all(self) -> None:
        scene = waiting.look()
        for number, job in enumerate(TrainingJob.objects.waiting().select_related("held_by").in_turn(), start=1):
            priority = Priority(job.priority).name.lower()
            self.stdout.write(f"{number:4}  {job.pk}  {priority:6}  {job}: {scene.wait_of(job).sentence}")


def apply(change: str, job: TrainingJob) -> bool:
    if change in PRIORITIES:
        return ordering.give(job, PRIORITIES[change], by=None)
    return bool(CHANGES[change](job, by=None))


def find(text: str) -> TrainingJob:
    found = list(TrainingJob.objects.waiting().filter(**{"pk" if is_id(text) else "name": text})[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"Several waiting trains are named “{text}”: give the id, which “queue” alone lists.")
    raise CommandError(f"No train “{text}” waits.")


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
