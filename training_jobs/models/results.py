"""What comes out: customized models."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from training_jobs.models.inputs import FoundationModel
from training_jobs.models.jobs import TrainingJob
from training_methods.addresses import page_of


class CustomizedModelQuerySet(models.QuerySet["CustomizedModel"]):
    def with_lineage(self) -> "CustomizedModelQuerySet":
        """With everything that a model's page leads to."""
        return self.select_related(
            "job__method", "job__dataset", "job__created_by", "base_model", "merged", "merged_from__job__dataset"
        )


class CustomizedModel(models.Model):
    """What a job that succeeded leaves: an adapter or a whole model, with its tokenizer and model card."""

    class Kind(models.TextChoices):
        ADAPTER = "adapter", _("Adapter")
        COMPLETE = "complete", _("Complete model")
        REWARD = "reward", _("Reward model")

    name = models.CharField(_("Name"), max_length=255, unique=True)
    job = models.OneToOneField(
        TrainingJob, models.SET_NULL, null=True, related_name="customized_model", verbose_name=_("Train")
    )
    merged_from = models.OneToOneField(
        "self",
        models.SET_NULL,
        null=True,
        related_name="merged",
        help_text="The adapter that is in its weights.",
        verbose_name=_("Merged from"),
    )
    base_model = models.ForeignKey(
        FoundationModel, models.SET_NULL, null=True, related_name="customized_models", verbose_name=_("Base model")
    )
    base_model_name = models.CharField(_("Base model by name"), max_length=100)
    kind = models.CharField(_("Kind"), max_length=16, choices=Kind)
    path = models.CharField(_("Folder"), max_length=1000)
    size_bytes = models.BigIntegerField(_("Size in bytes"))
    created_at = models.DateTimeField(_("Made"), auto_now_add=True)

    objects = CustomizedModelQuerySet.as_manager()

    class Meta:
        verbose_name = _("customized model")
        verbose_name_plural = _("customized models")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return page_of("training_jobs:model-detail", self.pk)

    @property
    def train(self) -> TrainingJob | None:
        """The job it comes from; None where that was deleted."""
        return self.job or (self.merged_from.job if self.merged_from else None)

    @staticmethod
    def name_for(job: TrainingJob) -> str:
        """`[base]_[train]_[YYYYMMDD]_[first 4 of the job's UUID]`."""
        return f"{job.base_model_snapshot['name']}_{job.name}_{job.created_at:%Y%m%d}_{str(job.pk)[:4]}"
