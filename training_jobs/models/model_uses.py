"""Records of what is done with customized models: tried by people, made into other models, removed."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from training_methods.clocks import long_ago

PATIENCE = timedelta(seconds=60)  # with a worker that is at it and says nothing


class RemovedFolder(models.Model):
    """A folder whose record was deleted: its files go next. `removals` adds and takes these away."""

    path = models.CharField(max_length=1000)
    removed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.path


class WorkQuerySet(models.QuerySet["Work"]):
    def unended(self) -> "WorkQuerySet":
        return self.filter(state__in=Work.UNENDED)

    def lost(self) -> "WorkQuerySet":
        """Their worker has not been heard of, and will not be."""
        return self.filter(long_ago("heard_at", PATIENCE), state=Work.State.RUNNING)

    def unheard(self, after: timedelta) -> "WorkQuerySet":
        """Waiting, and nobody answered the last wake-up."""
        unheard = models.Q(woken_at=None) | long_ago("woken_at", after)
        return self.filter(unheard, state=Work.State.WAITING)


class Work(models.Model):
    """Something a worker does with a customized model, in a slot like a job's. `model_work` alone changes its state."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    UNENDED = (State.WAITING, State.RUNNING)
    task: ClassVar[str]
    """Celery's entry point for it, which takes its key."""

    model = models.ForeignKey("training_jobs.CustomizedModel", models.CASCADE, related_name="%(class)ss")
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    queue = models.CharField(max_length=64)
    worker = models.UUIDField(null=True, help_text="Which has it, or had it last.")
    run = models.PositiveIntegerField(default=0, help_text="Raised by each claim: who lost it writes nothing more.")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    woken_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    said = models.TextField(blank=True, help_text="Why it failed.")

    objects = WorkQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} of {self.model_id}: {self.state}"

    @cached_property
    def is_lost(self) -> bool:
        """By the database's clock: this machine's may be another."""
        return self.state == self.State.RUNNING and type(self).objects.lost().filter(pk=self.pk).exists()

    @property
    def is_unended(self) -> bool:
        return self.state in self.UNENDED and not self.is_lost


class TryOut(Work):
    """A model held ready in a worker for one person's prompts, until nobody asks any more."""

    class Ending(models.TextChoices):
        ASKED = "asked", _("It was ended.")
        LEFT = "left", _("You left the page, so its worker is free again.")
        IDLE = "idle", _("Nobody asked anything for two minutes, so its worker is free again.")
        LONG = "long", _("It had its worker for a quarter of an hour, which is as long as it may.")
        TRAIN = "train", _("A train was waiting for this worker.")

    task = "training_jobs.try_out"

    ready_at = models.DateTimeField(null=True, help_text="When the model was loaded.")
    left_at = models.DateTimeField(null=True, help_text="When the person's page was closed, unless it is back.")
    end_requested = models.BooleanField(default=False)
    ending = models.CharField(max_length=16, choices=Ending, blank=True)

    class Meta(Work.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["model", "asked_by"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="try_out_one_each",
            )
        ]


class Exchange(models.Model):
    """A prompt with what the base model and the tuned one answered, side by side; kept with the model."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        ANSWERING = "answering", _("Answering")
        DONE = "done", _("Answered")
        FAILED = "failed", _("Failed")

    class Vote(models.TextChoices):
        LEFT = "left", _("A is better")
        RIGHT = "right", _("B is better")
        TIE = "tie", _("About the same")
        NONE = "none", _("Just show me")

    UNENDED = (State.WAITING, State.ANSWERING)

    model = models.ForeignKey("training_jobs.CustomizedModel", models.CASCADE, related_name="exchanges")
    try_out = models.ForeignKey(TryOut, models.CASCADE, related_name="exchanges")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    prompt = models.TextField()
    rated = models.TextField(blank=True, help_text="The answer that a reward model is to score.")
    temperature = models.FloatField(default=0.0)
    max_tokens = models.PositiveIntegerField(default=1)
    seed = models.PositiveBigIntegerField(default=0)
    tuned_is_left = models.BooleanField(help_text="By chance, so that nobody knows before the vote.")
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    left = models.TextField(blank=True)
    right = models.TextField(blank=True)
    has_both = models.BooleanField(default=True, help_text="Else the tuned model alone answered, on the left.")
    said = models.TextField(blank=True, help_text="Why there is no answer.")
    vote = models.CharField(max_length=8, choices=Vote, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.prompt[:80]

    @property
    def is_unended(self) -> bool:
        return self.state in self.UNENDED

    @property
    def tuned_is_right(self) -> bool:
        return self.has_both and not self.tuned_is_left

    @property
    def is_blind(self) -> bool:
        return self.has_both and not self.vote

    @property
    def seen(self) -> str:
        """Tells two moments of it apart."""
        return f"{self.state}-{len(self.left)}-{len(self.right)}-{self.vote}"


class Making(Work):
    """Another model made of this one in the background."""

    class What(models.TextChoices):
        MERGE = "merge", _("Complete model")
        F16 = "f16", _("GGUF, f16")
        Q8_0 = "q8_0", _("GGUF, q8_0")

    class Step(models.TextChoices):
        LOADING = "loading", _("Loading the model")
        WRITING = "writing", _("Writing the weights")
        COMPARING = "comparing", _("Comparing answers to probe prompts")

    task = "training_jobs.make_model"

    what = models.CharField(max_length=16, choices=What)
    step = models.CharField(max_length=16, choices=Step, blank=True)
    made = models.JSONField(default=dict, help_text="weights, likeness, and the name of a file")

    class Meta(Work.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["model", "what"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="making_one_of_each",
            )
        ]


KINDS: tuple[type[Work], ...] = (TryOut, Making)
