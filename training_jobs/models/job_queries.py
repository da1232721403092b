"""Which training jobs there are for whom: where each stands, whose turn it is, whose lease is over."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext_lazy as _

from training_jobs.models.inputs import FoundationModel
from training_methods.clocks import long_ago

if TYPE_CHECKING:
    from training_jobs.models.jobs import TrainingJob  # noqa: F401 (in the text of a type)


class Status(models.TextChoices):
    """Where a job stands. static/icons.svg has a symbol named after each."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    STOPPING = "stopping", _("Stopping")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Priority(models.IntegerChoices):
    """Which of the waiting jobs goes first. Whoever started a job may lower it; administrators raise it."""

    HIGH = 1, _("High")
    NORMAL = 0, _("Normal")
    LOW = -1, _("Low")


ACTIVE = (Status.RUNNING, Status.STOPPING)
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)

LISTED = (
    "name", "created_at", "created_by__username", "status", "priority", "place", "queue", "gpus", "held_at",
    "held_by__username", "cancel_requested", "owner", "worker", "attempt", "started_at", "finished_at",
    "method_snapshot", "base_model_snapshot", "step", "total_steps", "seconds_left", "latest_metrics", "stopped_at",
)  # fmt: skip
WHOSE = Coalesce("created_by_id", 0)


class TrainingJobQuerySet(models.QuerySet["TrainingJob"]):
    def active(self) -> "TrainingJobQuerySet":
        return self.filter(status__in=ACTIVE)

    def ended(self) -> "TrainingJobQuerySet":
        return self.filter(status__in=ENDED)

    def unended(self) -> "TrainingJobQuerySet":
        return self.exclude(status__in=ENDED)

    def for_lists(self) -> "TrainingJobQuerySet":
        """With what lists show of a job, and no more."""
        return self.select_related("created_by", "held_by").only(*LISTED)

    def with_links(self) -> "TrainingJobQuerySet":
        """With everything that a job's page leads to."""
        made_from = ("method", "base_model", "dataset", "continues", "copied_from")
        links = ("created_by", "held_by", "customized_model", *made_from)
        return self.select_related(*links)

    def that_use(self, base_model: FoundationModel) -> "TrainingJobQuerySet":
        """Jobs that start from it, or refer to it in a parameter."""
        refers = self.model.referred_models.through.objects.filter(foundationmodel=base_model)
        return self.filter(models.Q(base_model=base_model) | models.Q(pk__in=refers.values("trainingjob")))

    def matching(self, words: str) -> "TrainingJobQuerySet":
        """Jobs where each of the words is in the train's name, or in that of its method, base model or dataset."""
        found = self
        for word in words.split():
            found = found.filter(words__icontains=word)
        return found

    def waiting(self) -> "TrainingJobQuerySet":
        return self.filter(status=Status.QUEUED)

    def claimable(self) -> "TrainingJobQuerySet":
        return self.waiting().filter(cancel_requested=False, held_at=None)

    def fitting(self, queues: Sequence[str], free_cards: int | None) -> "TrainingJobQuerySet":
        """Those that a slot can take which serves these queues. None: its machine has no cards at all."""
        fits = models.Q(gpus__lte=free_cards or 0)
        if free_cards != 0:
            fits |= models.Q(gpus=None)
        return self.filter(fits, queue__in=queues)

    def in_turn(self, running: Mapping[int, int] | None = None) -> "TrainingJobQuerySet":
        """Waiting jobs, the one first that the next free worker takes. Who runs how many jobs is asked if not given."""
        people: dict[int, list[int]] = {}
        for person, number in (dict(self.model.objects.running_by_person()) if running is None else running).items():
            people.setdefault(number, []).append(person)
        shares = [models.When(whose__in=whose, then=number) for number, whose in people.items()]
        fewest_running = [models.Case(*shares, default=0)] if shares else []
        in_place = models.F("place").asc(nulls_last=True)
        return self.annotate(whose=WHOSE).order_by("-priority", in_place, *fewest_running, "created_at", "pk")

    def running_by_person(self) -> models.QuerySet:
        """Pairs of a person's id and how many of their jobs run. Jobs of nobody are those of person 0."""
        running = self.filter(lease_until__isnull=False).annotate(whose=WHOSE)
        return running.order_by().values_list("whose").annotate(number=models.Count("*"))

    def held_by(self, owner: str, attempt: int) -> "TrainingJobQuerySet":
        """The job, as long as this attempt of this owner still has it."""
        return self.active().filter(owner=owner, attempt=attempt)

    def lease_over(self, since: timedelta) -> "TrainingJobQuerySet":
        return self.active().filter(lease_until__lt=Now() - since)

    def renewed_by_another_clock(self, since: timedelta) -> "TrainingJobQuerySet":
        """Last heard of at a time that is yet to come: before the database's clock was set back."""
        return self.active().filter(lease_until__isnull=False, heartbeat_at__gt=Now() + since)

    def unheard(self, after: timedelta) -> "TrainingJobQuerySet":
        """Queued jobs whose last wake-up nobody answered, or was by a clock that was set back since."""
        return self.claimable().filter(models.Q(woken_at=None) | long_ago("woken_at", after))
