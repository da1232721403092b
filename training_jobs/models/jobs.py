"""Training jobs: where each stands, and everything that was frozen when it was submitted."""

import uuid
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import models
from django.db.models import Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from training_jobs.models.inputs import Dataset, FoundationModel
from training_jobs.models.job_queries import ACTIVE, ENDED, Priority, Status, TrainingJobQuerySet
from training_jobs.models.workers import Worker
from training_methods.addresses import page_of
from training_methods.models import TrainingMethod


def text(words: str) -> Value:
    return Value(words, output_field=models.TextField())


def named_in(snapshot: str, key: str) -> Coalesce:
    """A name that a job froze."""
    return Coalesce(KT(f"{snapshot}__{key}"), text(""))


WORDS = Concat(
    Cast("name", models.TextField()),
    text(" "),
    named_in("method_snapshot", "display_name"),
    text(" "),
    named_in("base_model_snapshot", "name"),
    text(" "),
    named_in("dataset_snapshot", "name"),
)


class TrainingJob(models.Model):
    """One training, frozen when it was submitted. Its row is the truth about it; messages only wake a worker.

    Status, owner, attempt and lease change through `leases` alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("Train name"), max_length=100)
    created_at = models.DateTimeField(_("Submitted"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="jobs", verbose_name=_("By")
    )

    # Where it stands. In front of the snapshots, since SQLite reads a row from its first column on.
    status = models.CharField(_("Status"), max_length=16, choices=Status, default=Status.QUEUED)
    priority = models.SmallIntegerField(_("Priority"), choices=Priority, default=Priority.NORMAL)
    place = models.PositiveIntegerField(
        _("Place"), null=True, help_text="Among those of its priority, where somebody put it."
    )
    queue = models.CharField(_("Queue"), max_length=64, default="default")
    gpus = models.PositiveSmallIntegerField(_("GPUs"), null=True, help_text="None: one where there are any.")
    held_at = models.DateTimeField(_("Held since"), null=True)
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("Held by")
    )
    cancel_requested = models.BooleanField(_("Asked to cancel"), default=False)
    finish_requested = models.BooleanField(
        _("Asked to stop and save"), default=False, help_text="Stop and save: end early, with a result."
    )
    kill_requested = models.BooleanField(
        _("Asked to stop now"), default=False, help_text="Stop now: with the cancel, end without saving."
    )
    stop_asked_by = models.CharField(
        _("Asked by"), max_length=150, blank=True, help_text="Who asked for one of the three last."
    )
    woken_at = models.DateTimeField(null=True)
    owner = models.CharField(_("Claimed by"), max_length=200, blank=True)
    worker = models.ForeignKey(
        Worker,
        models.DO_NOTHING,
        null=True,
        related_name="jobs",
        db_constraint=False,
        help_text="While it runs.",
        verbose_name=_("Worker"),
    )
    attempt = models.PositiveIntegerField(_("Attempt"), default=0)
    lease_until = models.DateTimeField(_("Lease until"), null=True)
    heartbeat_at = models.DateTimeField(_("Last heard"), null=True)
    started_at = models.DateTimeField(_("Started"), null=True)
    finished_at = models.DateTimeField(_("Ended"), null=True)

    # What it is found by: short, and part of an index, so that a search reads none of the long rows.
    words = models.GeneratedField(expression=WORDS, output_field=models.TextField(), db_persist=True)

    # What was chosen. The links may go; the snapshots stay.
    method = models.ForeignKey(
        TrainingMethod, models.SET_NULL, null=True, related_name="jobs", verbose_name=_("Method")
    )
    base_model = models.ForeignKey(
        FoundationModel, models.SET_NULL, null=True, related_name="jobs", verbose_name=_("Base model")
    )
    dataset = models.ForeignKey(Dataset, models.SET_NULL, null=True, related_name="jobs", verbose_name=_("Dataset"))
    referred_models = models.ManyToManyField(
        FoundationModel, related_name="referring_jobs", verbose_name=_("Other base models")
    )
    method_snapshot = models.JSONField(
        _("Method at submit"), help_text="The method and its trainer's code hash at submit."
    )
    base_model_snapshot = models.JSONField(_("Base model at submit"))
    reference_snapshots = models.JSONField(
        _("Other base models at submit"), default=dict, help_text="Parameter → the base model that it refers to."
    )
    dataset_snapshot = models.JSONField(_("Dataset at submit"))
    parameters = models.JSONField(_("Settings"), help_text="Every parameter with its value, defaults written out.")
    changed_parameters = models.JSONField(
        _("Changed settings"), default=list, help_text="Names of those that differ from the method's default."
    )
    default_parameters = models.JSONField(
        _("Defaults of changed settings"), default=dict, help_text="Changed parameter → the default at submit."
    )
    parameter_labels = models.JSONField(default=dict, help_text="Parameter → what its trainer called it at submit.")
    copied_from = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="copies", verbose_name=_("Copy of")
    )
    versions = models.JSONField(_("Versions"), default=dict, help_text="Library → version at submit.")
    seed = models.BigIntegerField(_("Seed"), default=42)
    preflight = models.JSONField(
        _("Preflight report"), null=True, help_text="What was found before it started: `preflight.Report`."
    )

    # What it last reported.
    step = models.PositiveIntegerField(_("Step"), default=0)
    total_steps = models.PositiveIntegerField(_("Steps"), null=True)
    tokens_per_second = models.FloatField(_("Tokens a second"), null=True)
    seconds_left = models.FloatField(_("Seconds left"), null=True)
    latest_metrics = models.JSONField(_("Metrics"), default=dict)
    failure = models.JSONField(_("What is wrong"), null=True, help_text="message, hint, evidence, traceback")
    stopped_at = models.PositiveIntegerField(
        _("Ended early at step"), null=True, help_text="Ended early with its result, at this step."
    )
    stored_attempt = models.PositiveIntegerField(default=0, help_text="The last attempt of which something is stored.")
    stored_events = models.PositiveBigIntegerField(default=0, help_text="How many bytes of its events.jsonl.")
    is_tidy = models.BooleanField(default=False, help_text="Its checkpoints are sorted out, since it has ended.")

    # Where it began, if that was a checkpoint of another job.
    continues = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="continued_by", verbose_name=_("Continues")
    )
    start_checkpoint = models.JSONField(
        _("Begin at"), null=True, help_text="path, step, and job: the name of the job it is of"
    )

    objects = TrainingJobQuerySet.as_manager()

    class Meta:
        verbose_name = _("train")
        verbose_name_plural = _("trains")
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
            models.Index(fields=["status"], condition=models.Q(is_tidy=False), name="training_job_untidy"),
            # The list, however narrowed: the newest first, with the key, so that a page is found in the index alone.
            models.Index(fields=["-created_at", "-id", "words"], name="training_job_newest"),
            models.Index(fields=["name", "id"], name="training_job_by_name"),
            models.Index(fields=["status", "-created_at", "-id"], name="training_job_newest_by_status"),
            models.Index(fields=["method", "-created_at", "-id"], name="training_job_newest_by_method"),
            models.Index(fields=["created_by", "-created_at", "-id"], name="training_job_newest_by_person"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return page_of("training_jobs:job-detail", self.pk)

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
        if self.status == Status.SUCCEEDED and self.stopped_at is None:
            return 100
        return min(100, 100 * self.step // self.total_steps) if self.total_steps else 0

    @property
    def stopped_early(self) -> str:
        """That, where and by whom it was ended with its result before its end, or nothing."""
        if self.stopped_at is None:
            return ""
        said = {
            "step": intcomma(self.stopped_at),
            "total": intcomma(self.total_steps) if self.total_steps else "?",
            "who": self.stop_asked_by or gettext("somebody"),
        }
        return gettext("Stopped at step %(step)s of %(total)s on request of %(who)s") % said

    def may_be_cancelled_by(self, user: AbstractUser | AnonymousUser) -> bool:
        """Whoever started it may, and staff."""
        return user.is_staff or self.created_by_id == user.pk

    def may_be_held_by(self, user: AbstractUser | AnonymousUser) -> bool:
        return self.may_be_cancelled_by(user)

    def may_be_released_by(self, user: AbstractUser | AnonymousUser) -> bool:
        """Whoever holds it may, and staff. Where that is nobody any more, whoever started it."""
        return user.is_staff or (self.held_by_id or self.created_by_id) == user.pk

    def may_be_deleted_by(self, user: AbstractUser | AnonymousUser) -> bool:
        return self.may_be_cancelled_by(user)

    @property
    def machine(self) -> str:
        """Where it runs, as `leases.new_owner` says it."""
        return self.owner.partition(":")[0]

    @property
    def seconds_taken(self) -> float | None:
        """From the first start to the end, or until now."""
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds() if self.started_at else None
