"""What jobs report: events, checkpoints, metrics and logs."""

from pathlib import Path

from django.db import models

from training_jobs.models.jobs import TrainingJob


class JobEvent(models.Model):
    """Something that happened to a job, for people: a note, a checkpoint, a change of hands."""

    SAMPLE = "sample"
    CHECKPOINT = "checkpoint"

    job = models.ForeignKey(TrainingJob, models.CASCADE, related_name="events")
    attempt = models.PositiveIntegerField()
    kind = models.CharField(max_length=32)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.job_id}"


class CheckpointQuerySet(models.QuerySet["Checkpoint"]):
    def there(self) -> "CheckpointQuerySet":
        """Those that nobody deleted, the newest first."""
        return self.filter(deleted_at=None).order_by("-pk")


class Checkpoint(models.Model):
    """A checkpoint that a run said is complete. The record stays when the files are deleted."""

    job = models.ForeignKey(TrainingJob, models.CASCADE, related_name="checkpoints")
    attempt = models.PositiveIntegerField()
    step = models.PositiveIntegerField()
    path = models.CharField(max_length=1000)
    size_bytes = models.BigIntegerField()
    metrics = models.JSONField(default=dict, help_text="What the curves said at its step.")
    saved_at = models.DateTimeField()
    is_kept = models.BooleanField(default=False, help_text="Somebody wants it kept: no rule deletes it.")
    deleted_at = models.DateTimeField(null=True)
    deleted_because = models.CharField(max_length=200, blank=True)

    objects = CheckpointQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"step {self.step} of {self.job_id}"

    @property
    def is_there(self) -> bool:
        return self.deleted_at is None and Path(self.path).is_dir()


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


class MetricSummary(models.Model):
    """The few points that shape a long chunk's curves: {"curves": {name: {"step", "time", "values": [...]}}}.

    In a table of its own, since SQLite reads a row's columns up to the one that is asked for.
    """

    chunk = models.OneToOneField(MetricChunk, models.CASCADE, primary_key=True, related_name="summary")
    points = models.JSONField()

    def __str__(self) -> str:
        return f"summary of {self.chunk_id}"


class LogChunk(models.Model):
    """A piece of the train log. `offset` and `size` count bytes of the attempt's file, so that a gap shows.

    Lines are numbered from 1 through all of a job's attempts, and keep their numbers when others are left out.
    """

    job = models.ForeignKey(TrainingJob, models.CASCADE, related_name="log_chunks")
    attempt = models.PositiveIntegerField()
    offset = models.BigIntegerField()
    size = models.PositiveIntegerField()
    first_line = models.PositiveBigIntegerField(default=1, help_text="The number of the line in which it begins.")
    newlines = models.PositiveIntegerField(default=0)
    text = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"bytes {self.offset}–{self.offset + self.size} of {self.job_id}"
