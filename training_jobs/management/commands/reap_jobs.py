from typing import Any

from django.core.management import BaseCommand
from kombu.exceptions import OperationalError

from training_jobs import dispatch, leases


class Command(BaseCommand):
    help = (
        "Hands back, once, the jobs whose worker was lost, and wakes workers for those that wait. Workers do it anyway."
    )

    def handle(self, **options: Any) -> None:
        losses = leases.reap()
        for loss in losses:
            self.stdout.write(f"{loss.job_id} lost its worker {loss.owner} and is {loss.outcome.label.lower()} now.")
        try:
            woken = dispatch.wake_unheard()
        except OperationalError as error:
            self.stderr.write(f"No worker was woken: the broker does not answer ({error}).")
        else:
            self.stdout.write(f"{len(losses)} lost, {woken} woken.")
