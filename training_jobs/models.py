import uuid
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce, Concat, Lower, Now
from django.urls import reverse
from django.utils import timezone

from training_methods.models import TrainingMethod


def unique_name(table: str, what: str) -> models.UniqueConstraint:
    return models.UniqueConstraint(
        Lower("name"), name=f"{table}_name", violation_error_message=f"A {what} with this name exists already."
    )


class FoundationModel(models.Model):
    """A base model: what a job starts from. Files stay where they are; `base_models.inspect` filled in the facts."""

    class Kind(models.TextChoices):
        CAUSAL_LM = "causal-lm", "Language model"
        REWARD = "reward", "Reward model"

    class Weights(models.TextChoices):
        SAFETENSORS = "safetensors", "safetensors"
        GGUF = "gguf", "GGUF"

    name = models.CharField(max_length=100)
    path = models.CharField(max_length=1000, help_text="A folder on the machines that train.")
    hub_id = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.CAUSAL_LM)
    architecture = models.CharField(max_length=100)
    weights = models.CharField(max_length=16, choices=Weights)
    parameter_count = models.BigIntegerField(null=True)
    context_length = models.PositiveIntegerField(null=True)
    vocabulary_size = models.PositiveIntegerField(null=True)
    has_chat_template = models.BooleanField(default=False)
    license_name = models.CharField(max_length=100, blank=True)
    size_bytes = models.BigIntegerField()
    fingerprint = models.CharField(
        max_length=64, help_text="SHA-256 over the configuration and the weight files' heads."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = "base model"
        ordering = ["name"]
        constraints = [unique_name("base_model", "base model")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("training_jobs:base-model-detail", args=[self.pk])


class Dataset(models.Model):
    """Rows to learn from, kept as the file that was imported."""

    name = models.CharField(max_length=100)
    path = models.CharField(max_length=1000)
    original_name = models.CharField(max_length=255)
    file_type = models.CharField(max_length=16)
    data_format = models.CharField(max_length=32)
    columns = models.JSONField(default=list, help_text="The file's columns in their order.")
    mapping = models.JSONField(default=dict, help_text="The format's column → the file's column.")
    preview = models.JSONField(default=list, help_text="The first five rows as a trainer sees them.")
    row_count = models.PositiveIntegerField()
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        constraints = [unique_name("dataset", "dataset")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("training_jobs:dataset-detail", args=[self.pk])

    @property
    def in_turns(self) -> bool:
        """Whether its first rows hold conversations, as messages or as prompts and answers in turns."""
        columns = ("messages", "prompt", "completion", "chosen", "rejected")
        return any(isinstance(row.get(column), list) for row in self.preview for column in columns)


class Status(models.TextChoices):
    """Where a job stands. static/icons.svg has a symbol named after each."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    STOPPING = "stopping", "Stopping"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Priority(models.IntegerChoices):
    """Which of the waiting jobs goes first. Whoever started a job may lower it; administrators raise it."""

    HIGH = 1, "High"
    NORMAL = 0, "Normal"
    LOW = -1, "Low"


class WorkerQuerySet(models.QuerySet["Worker"]):
    def heard(self) -> "WorkerQuerySet":
        """Those that are there."""
        return self.filter(heartbeat_at__gte=Now() - Worker.SILENT_AFTER)

    def taking_jobs(self) -> "WorkerQuerySet":
        return self.heard().filter(draining_requested=False)

    def serving_queue_of_row(self) -> "WorkerQuerySet":
        """For a subquery of jobs: those that take jobs of the row's queue."""
        served = Concat(Value(","), "queues", Value(","))
        wanted = Concat(Value(","), models.OuterRef("queue"), Value(","))
        return self.taking_jobs().alias(served=served).filter(served__contains=wanted)

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
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    draining_requested = models.BooleanField(default=False, help_text="It takes no new job.")
    handing_back_requested = models.BooleanField(default=False, help_text="Its jobs go back to the queue.")

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["host", "started_at"]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"

    @property
    def queue_names(self) -> list[str]:
        return self.queues.split(",")

    @property
    def is_heard(self) -> bool:
        return timezone.now() - self.heartbeat_at < self.SILENT_AFTER


ACTIVE = (Status.RUNNING, Status.STOPPING)
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


WHOSE = Coalesce("created_by_id", 0)


class TrainingJobQuerySet(models.QuerySet["TrainingJob"]):
    def active(self) -> "TrainingJobQuerySet":
        return self.filter(status__in=ACTIVE)

    def ended(self) -> "TrainingJobQuerySet":
        return self.filter(status__in=ENDED)

    def for_lists(self) -> "TrainingJobQuerySet":
        """Without what only a job's own page shows."""
        rows = self.select_related("created_by", "held_by").annotate(
            is_served=models.Exists(Worker.objects.serving_queue_of_row())
        )
        return rows.defer("dataset_snapshot", "parameters", "changed_parameters", "versions", "failure")

    def with_links(self) -> "TrainingJobQuerySet":
        """With everything that a job's page leads to."""
        return self.select_related("created_by", "held_by", "method", "base_model", "dataset", "customized_model")

    def that_use(self, base_model: FoundationModel) -> "TrainingJobQuerySet":
        """Jobs that start from it, or refer to it in a parameter."""
        refers = self.model.referred_models.through.objects.filter(foundationmodel=base_model)
        return self.filter(models.Q(base_model=base_model) | models.Q(pk__in=refers.values("trainingjob")))

    def matching(self, words: str) -> "TrainingJobQuerySet":
        """Jobs where each of the words is in the train's name, or in that of its method or base model."""
        found = self
        for word in words.split():
            found = found.filter(
                models.Q(name__icontains=word)
                | models.Q(method_snapshot__display_name__icontains=word)
                | models.Q(base_model_snapshot__name__icontains=word)
            )
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

    def in_turn(self) -> "TrainingJobQuerySet":
        """Waiting jobs, the one first that the next free worker takes. Asks first who runs how many jobs."""
        people: dict[int, list[int]] = {}
        for person, number in self.model.objects.running_by_person():
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

    def unheard(self, after: timedelta) -> "TrainingJobQuerySet":
        """Queued jobs whose last wake-up nobody answered."""
        return self.claimable().filter(models.Q(woken_at=None) | models.Q(woken_at__lt=Now() - after))


class TrainingJob(models.Model):
    """One training, frozen when it was submitted. Its row is the truth about it; messages only wake a worker.

    Status, owner, attempt and lease change through `leases` alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="jobs")

    # Where it stands. In front of the snapshots, since SQLite reads a row from its first column on.
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    priority = models.SmallIntegerField(choices=Priority, default=Priority.NORMAL)
    place = models.PositiveIntegerField(null=True, help_text="Among those of its priority, where somebody put it.")
    queue = models.CharField(max_length=64, default="default")
    gpus = models.PositiveSmallIntegerField(null=True, help_text="None: one where there are any.")
    held_at = models.DateTimeField(null=True)
    held_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    cancel_requested = models.BooleanField(default=False)
    woken_at = models.DateTimeField(null=True)
    owner = models.CharField(max_length=200, blank=True)
    worker = models.ForeignKey(
        Worker, models.DO_NOTHING, null=True, related_name="jobs", db_constraint=False, help_text="While it runs."
    )
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    # What was chosen. The links may go; the snapshots stay.
    method = models.ForeignKey(TrainingMethod, models.SET_NULL, null=True, related_name="jobs")
    base_model = models.ForeignKey(FoundationModel, models.SET_NULL, null=True, related_name="jobs")
    dataset = models.ForeignKey(Dataset, models.SET_NULL, null=True, related_name="jobs")
    referred_models = models.ManyToManyField(FoundationModel, related_name="referring_jobs")
    method_snapshot = models.JSONField(help_text="The method and its trainer's code hash at submit.")
    base_model_snapshot = models.JSONField()
    reference_snapshots = models.JSONField(default=dict, help_text="Parameter → the base model that it refers to.")
    dataset_snapshot = models.JSONField()
    parameters = models.JSONField(help_text="Every parameter with its value, defaults written out.")
    changed_parameters = models.JSONField(
        default=list, help_text="Names of those that differ from the method's default."
    )
    versions = models.JSONField(default=dict, help_text="Library → version at submit.")
    seed = models.BigIntegerField(default=42)

    # What it last reported.
    step = models.PositiveIntegerField(default=0)
    total_steps = models.PositiveIntegerField(null=True)
    tokens_per_second = models.FloatField(null=True)
    seconds_left = models.FloatField(null=True)
    latest_metrics = models.JSONField(default=dict)
    failure = models.JSONField(null=True, help_text="message, hint, evidence, traceback")
    stored_attempt = models.PositiveIntegerField(default=0, help_text="The last attempt of which something is stored.")
    stored_events = models.PositiveBigIntegerField(default=0, help_text="How many bytes of its events.jsonl.")

    objects = TrainingJobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=Status.values), name="training_job_status"),
            models.CheckConstraint(
                condition=~models.Q(status__in=ACTIVE) | (~models.Q(owner="") & models.Q(lease_until__isnull=False)),
                name="training_job_running_has_owner",
            ),
        ]
        indexes = [
            # With everything that is asked of waiting jobs, so that no row is read to order them.
            models.Index(
                fields=[
                    *("-priority", "place", "created_at", "created_by", "queue", "gpus", "id"),
                    *("status", "cancel_requested", "held_at", "woken_at"),
                ],
                condition=models.Q(status=Status.QUEUED, cancel_requested=False, held_at=None),
                name="training_job_claimable",
            ),
            models.Index(
                fields=["lease_until", "created_by"],
                condition=models.Q(lease_until__isnull=False),
                name="training_job_active",
            ),
            models.Index(fields=["status", "-finished_at"], name="training_job_by_status"),
            models.Index(fields=["-created_at"], name="training_job_newest"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("training_jobs:job-detail", args=[self.pk])

    @property
    def directory(self) -> Path:
        return Path(settings.DATA_DIR) / "jobs" / str(self.pk)

    def attempt_directory(self, attempt: int) -> Path:
        return self.directory / f"attempt-{attempt}"

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def percent(self) -> int:
        if self.status == Status.SUCCEEDED:
            return 100
        return min(100, 100 * self.step // self.total_steps) if self.total_steps else 0

    def may_be_cancelled_by(self, user: AbstractUser | AnonymousUser) -> bool:
        """Whoever started it may, and staff."""
        return user.is_staff or self.created_by_id == user.pk

    @property
    def machine(self) -> str:
        """Where it runs, as `leases.new_owner` says it."""
        return self.owner.partition(":")[0]

    @property
    def seconds_taken(self) -> float | None:
        """From the first start to the end, or until now."""
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds() if self.started_at else None


class JobEvent(models.Model):
    """Something that happened to a job, for people: a note, a checkpoint, a change of hands."""

    SAMPLE = "sample"

    job = models.ForeignKey(TrainingJob, models.CASCADE, related_name="events")
    attempt = models.PositiveIntegerField()
    kind = models.CharField(max_length=32)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.job_id}"


class MetricChunk(models.Model):
    """Consecutive points of a job's curves, by column: {"step": [...], "time": [...], "values": {name: [...]}}."""

    job = models.ForeignKey(TrainingJob, models.CASCADE, related_name="metric_chunks")
    attempt = models.PositiveIntegerField()
    first_step = models.PositiveIntegerField()
    last_step = models.PositiveIntegerField()
    points = models.JSONField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"steps {self.first_step}–{self.last_step} of {self.job_id}"


class LogChunk(models.Model):
    """A piece of the train log. `offset` and `size` count bytes of the attempt's file, so that a gap shows."""

    job = models.ForeignKey(TrainingJob, models.CASCADE, related_name="log_chunks")
    attempt = models.PositiveIntegerField()
    offset = models.BigIntegerField()
    size = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"bytes {self.offset}–{self.offset + self.size} of {self.job_id}"


class CustomizedModel(models.Model):
    """What a job that succeeded leaves: an adapter or a whole model, with its tokenizer and model card."""

    class Kind(models.TextChoices):
        ADAPTER = "adapter", "Adapter"
        COMPLETE = "complete", "Complete model"

    name = models.CharField(max_length=255, unique=True)
    job = models.OneToOneField(TrainingJob, models.SET_NULL, null=True, related_name="customized_model")
    base_model = models.ForeignKey(FoundationModel, models.SET_NULL, null=True, related_name="customized_models")
    base_model_name = models.CharField(max_length=100)
    kind = models.CharField(max_length=16, choices=Kind)
    path = models.CharField(max_length=1000)
    size_bytes = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("training_jobs:model-detail", args=[self.pk])

    @staticmethod
    def name_for(job: TrainingJob) -> str:
        """`[base]_[train]_[YYYYMMDD]_[first 4 of the job's UUID]`."""
        return f"{job.base_model_snapshot['name']}_{job.name}_{job.created_at:%Y%m%d}_{str(job.pk)[:4]}"


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
                violation_error_message="The method has a profile with this name already: choose another name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def may_be_deleted_by(self, user: AbstractUser | AnonymousUser) -> bool:
        """Whoever saved it may, and administrators."""
        return user.is_superuser or (user.is_authenticated and self.created_by_id == user.pk)
