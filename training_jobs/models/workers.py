"""Worker processes, as their own heartbeats tell of them."""

import uuid
from collections import Counter
from datetime import timedelta

from django.db import models
from django.db.models.functions import StrIndex

from training_methods.clocks import long_ago


class BetweenCommas(models.Func):
    """`Concat` says the same in three times the SQL, which every list of trains would have to put together."""

    template = "(',' || %(expressions)s || ',')"
    output_field = models.TextField()


class WorkerQuerySet(models.QuerySet["Worker"]):
    def heard(self) -> "WorkerQuerySet":
        """Those that are there."""
        return self.exclude(long_ago("heartbeat_at", Worker.SILENT_AFTER))

    def told_apart(self) -> "WorkerQuerySet":
        """Each with `is_heard`, by the database's clock: this machine's may be another."""
        silent = models.When(long_ago("heartbeat_at", Worker.SILENT_AFTER), then=False)
        return self.annotate(is_heard=models.Case(silent, default=True, output_field=models.BooleanField()))

    def taking_jobs(self) -> "WorkerQuerySet":
        return self.heard().filter(draining_requested=False)

    def serving_queue_of_row(self) -> "WorkerQuerySet":
        """For a subquery of jobs: those that take jobs of the row's queue."""
        found = StrIndex(BetweenCommas("queues"), BetweenCommas(models.OuterRef("queue")))
        return self.taking_jobs().alias(found=found).filter(found__gt=0)

    def draining(self) -> "WorkerQuerySet":
        return self.filter(draining_requested=True)


class Worker(models.Model):
    """A worker process, as its own heartbeats tell of it."""

    SILENT_AFTER = timedelta(seconds=30)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    version = models.CharField(max_length=32)
    queues = models.CharField(max_length=1000, help_text="The queues it serves, with commas between.")
    slots = models.PositiveSmallIntegerField(help_text="How many jobs may run here at once.")
    cards = models.JSONField(default=list, help_text="Names of its GPUs.")
    card_memory = models.JSONField(default=list, help_text="Bytes of each GPU; null: that is not known.")
    memory = models.BigIntegerField(null=True, help_text="Bytes of its machine.")
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    draining_requested = models.BooleanField(default=False, help_text="It takes no new job.")
    handing_back_requested = models.BooleanField(default=False, help_text="Its jobs go back to the queue.")

    is_heard: bool
    """Known of those that were `told_apart`."""

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["host", "started_at"]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"

    @property
    def queue_names(self) -> list[str]:
        return self.queues.split(",")

    @property
    def card_names(self) -> list[str]:
        """Each once, since the eight cards of one machine are mostly alike."""
        return [f"{count} × {name}" if count > 1 else name for name, count in Counter(self.cards).items()]
