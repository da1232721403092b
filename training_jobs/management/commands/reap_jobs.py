import time
from typing import Any

from django.core.management import BaseCommand
from kombu.exceptions import OperationalError

from training_jobs import dispatch, sweeper
from training_jobs.leases import LEASE, MARGIN, Loss
from training_jobs.models import TrainingJob
from training_methods.clocks import ClockWatch


class Command(BaseCommand):
    help = (
        "Hands back, once, the jobs whose worker was lost, and wakes workers for those that wait. Workers do it anyway."
    )

    def handle(self, **options: Any) -> None:
        jobs = TrainingJob.objects
        seem_lost = jobs.lease_over(MARGIN) | jobs.renewed_by_another_clock(MARGIN)
        losses = self.reap() if seem_lost.exists() else []
        for loss in losses:
            self.stdout.write(f"{loss.job_id} lost its worker {loss.owner} and is {loss.outcome.label.lower()} now.")
        try:
            woken = dispatch.wake_unheard()
        except OperationalError as error:
            self.stderr.write(f"No worker was woken: the broker does not answer ({error}).")
        else:
            self.stdout.write(f"{len(losses)} lost, {woken} woken.")

    def reap(self) -> list[Loss]:
        """As a sweeper that begins: after a lease in which the clock was not set, and those who are there renewed."""
        self.stdout.write(
            f"Some jobs seem lost: looking again in {LEASE.total_seconds():g} s, since a clock may be set."
        )
        watch = ClockWatch(MARGIN / 2, LEASE)
        watch.distrust()
        while not watch.is_trusted():
            time.sleep(1)
        return sweeper.reap_lost(watch)
