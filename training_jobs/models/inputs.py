"""What goes in: base models and datasets."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from training_methods.addresses import page_of
from training_methods.trainers import DataFormat

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


def unique_name(table: str, sentence: "_StrPromise") -> models.UniqueConstraint:
    return models.UniqueConstraint(Lower("name"), name=f"{table}_name", violation_error_message=sentence)


class FoundationModel(models.Model):
    """A base model: what a job starts from. Files stay where they are; `model_folders.inspect` filled in the facts."""

    class Kind(models.TextChoices):
        CAUSAL_LM = "causal-lm", _("Language model")
        REWARD = "reward", _("Reward model")

    class Weights(models.TextChoices):
        SAFETENSORS = "safetensors", "safetensors"
        GGUF = "gguf", "GGUF"

    name = models.CharField(_("Name"), max_length=100)
    path = models.CharField(_("Folder"), max_length=1000, help_text="A folder on the machines that train.")
    hub_id = models.CharField(_("Hub id"), max_length=200, blank=True)
    kind = models.CharField(_("Kind"), max_length=16, choices=Kind, default=Kind.CAUSAL_LM)
    architecture = models.CharField(_("Architecture"), max_length=100)
    weights = models.CharField(_("Weights"), max_length=16, choices=Weights)
    parameter_count = models.BigIntegerField(_("Parameters"), null=True)
    context_length = models.PositiveIntegerField(_("Context length"), null=True)
    vocabulary_size = models.PositiveIntegerField(_("Vocabulary"), null=True)
    has_chat_template = models.BooleanField(_("Chat template"), default=False)
    license_name = models.CharField(_("License"), max_length=100, blank=True)
    size_bytes = models.BigIntegerField(_("Size in bytes"))
    fingerprint = models.CharField(
        _("Fingerprint"), max_length=64, help_text="SHA-256 over the configuration and the weight files' heads."
    )
    created_at = models.DateTimeField(_("Added"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("By")
    )

    class Meta:
        verbose_name = _("base model")
        verbose_name_plural = _("base models")
        ordering = ["name"]
        constraints = [unique_name("base_model", _("A base model with this name exists already."))]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return page_of("training_jobs:base-model-detail", self.pk)


class Dataset(models.Model):
    """Rows to learn from, kept as the file that was imported."""

    name = models.CharField(_("Name"), max_length=100)
    path = models.CharField(_("Path"), max_length=1000)
    original_name = models.CharField(_("File"), max_length=255)
    file_type = models.CharField(_("Type"), max_length=16)
    data_format = models.CharField(_("Format"), max_length=32)
    columns = models.JSONField(_("Columns"), default=list, help_text="The file's columns in their order.")
    mapping = models.JSONField(_("Mapping"), default=dict, help_text="The format's column → the file's column.")
    preview = models.JSONField(_("First rows"), default=list, help_text="The first five rows as a trainer sees them.")
    row_count = models.PositiveIntegerField(_("Rows"))
    size_bytes = models.BigIntegerField(_("Size in bytes"))
    sha256 = models.CharField("SHA-256", max_length=64)
    created_at = models.DateTimeField(_("Added"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("By")
    )

    class Meta:
        verbose_name = _("dataset")
        verbose_name_plural = _("datasets")
        ordering = ["-created_at"]
        constraints = [unique_name("dataset", _("A dataset with this name exists already."))]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return page_of("training_jobs:dataset-detail", self.pk)

    @property
    def format_label(self) -> str:
        """What its format is called, in the reader's language."""
        label = next((one.label for one in DataFormat if one == self.data_format), "")
        return gettext(label) if label else self.data_format

    @property
    def in_turns(self) -> bool:
        """Whether its first rows hold conversations, as messages or as prompts and answers in turns."""
        columns = ("messages", "prompt", "completion", "chosen", "rejected")
        return any(isinstance(row.get(column), list) for row in self.preview for column in columns)
