"""What precedes a train: rehearsals of its settings, and profiles that keep them."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.db.models.functions import Lower
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from training_jobs.models.workers import Worker
from training_methods import clocks
from training_methods.clocks import long_ago
from training_methods.models import TrainingMethod


class RehearsalQuerySet(models.QuerySet["Rehearsal"]):
    LOST = long_ago("heard_at", Worker.SILENT_AFTER) & models.Q(state="running")

    def settled(self) -> "RehearsalQuerySet":
        """Those that may be asked for again: they ended, or were lost by a clock that can be trusted."""
        ended = models.Q(state__in=Rehearsal.ENDED)
        return self.filter(ended | self.LOST if clocks.is_trusted() else ended)

    def lost(self) -> "RehearsalQuerySet":
        """Their worker has not been heard of, and will not be."""
        return self.filter(self.LOST)

    def unheard(self, after: timedelta) -> "RehearsalQuerySet":
        """Those that wait and were not announced to a worker within that time."""
        never = models.Q(woken_at=None)
        return self.filter(state=Rehearsal.State.WAITING).filter(never | long_ago("woken_at", after))


class Rehearsal(models.Model):
    """A micro-run: five real steps on the longest rows, or what a site's own code reports of its first five. One for
    each `key`, which stands for all that matters to it.

    Its state changes in `rehearsals` alone. `run` counts the claims: whoever writes names the one that is theirs.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    ENDED = (State.DONE, State.FAILED, State.CANCELLED)

    key = models.CharField(max_length=64, unique=True)
    spec = models.JSONField(help_text="The run that it stands for: `RunSpec`.")
    is_own = models.BooleanField(default=False, help_text="A site's own code: it runs as it is, until five steps.")
    queue = models.CharField(max_length=64)
    gpus = models.PositiveSmallIntegerField(null=True)
    state = models.CharField(max_length=16, choices=State)
    worker = models.UUIDField(null=True, help_text="Which has it, or had it last.")
    run = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    step = models.PositiveIntegerField(default=0)
    memory = models.BigIntegerField(null=True, help_text="Bytes at the peak.")
    held_memory = models.BigIntegerField(
        null=True, help_text="The same without the pages of files, as a method's limit counts."
    )
    gpu_memory = models.BigIntegerField(null=True)
    seconds_a_step = models.FloatField(null=True)
    seen = models.JSONField(null=True, help_text="What the model of a site's own code was given: `Preview`.")
    failure = models.JSONField(null=True, help_text="message, hint")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField()
    woken_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = RehearsalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "running", "done", "failed", "cancelled"]),
                name="rehearsal_state",
            )
        ]

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.state}"

    @cached_property
    def is_lost(self) -> bool:
        """It may be asked for again. By the database's clock: this machine's may be another."""
        return self.state == self.State.RUNNING and type(self).objects.lost().filter(pk=self.pk).exists()

    @property
    def is_unfinished(self) -> bool:
        return self.state not in self.ENDED and not self.is_lost

    def may_be_cancelled_by(self, user: AbstractUser | AnonymousUser) -> bool:
        """Whoever asked for it may, and staff."""
        return user.is_staff or (user.is_authenticated and self.asked_by_id == user.pk)


class ParameterProfile(models.Model):
    """Values of a method's parameters under a name, to start further trains with. `profiles` saves and deletes them."""

    method = models.ForeignKey(TrainingMethod, models.CASCADE, related_name="profiles")
    name = models.CharField(max_length=100)
    values = models.JSONField(help_text="Parameter → value, the defaults of that time written out.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = [Lower("name")]
        constraints = [
            models.UniqueConstraint(
                "method",
                Lower("name"),
                name="parameter_profile_name",
                violation_error_message=_("The method has a profile with this name already: choose another name."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def may_be_deleted_by(self, user: AbstractUser | AnonymousUser) -> bool:
        """Whoever saved it may, and administrators."""
        return user.is_superuser or (user.is_authenticated and self.created_by_id == user.pk)
