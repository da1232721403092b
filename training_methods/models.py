from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import chain

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from training_methods import clocks
from training_methods.addresses import page_of
from training_methods.clocks import long_ago
from training_methods.trainers import MethodType

PATIENCE = timedelta(seconds=60)  # with a worker that tries a trainer and says nothing
METHOD_TYPES = [(method_type.value, _(method_type.label)) for method_type in MethodType]
TYPE_LABELS = dict(METHOD_TYPES)


class TrainingMethodQuerySet(models.QuerySet["TrainingMethod"]):
    def matching(self, words: str) -> "TrainingMethodQuerySet":
        """Methods whose names or description hold every one of the words."""
        found = self
        for word in words.split():
            found = found.filter(
                models.Q(internal_name__icontains=word)
                | models.Q(display_name__icontains=word)
                | models.Q(description__icontains=word)
            )
        return found


class TrainingMethod(models.Model):
    """A way of training this organisation offers: a registered trainer with the site's own defaults and bounds.

    Methods are added and deleted through `registry`, which asks the licence first.
    """

    internal_name = models.CharField(
        _("Internal name"),
        max_length=64,
        unique=True,
        validators=[
            RegexValidator(
                r"\A[a-z0-9]+(?:[-_][a-z0-9]+)*\Z",
                _(
                    "“%(value)s” is not an internal name: use lower-case letters, digits, hyphens and underscores, "
                    "and begin and end with a letter or digit."
                ),
            )
        ],
        error_messages={"unique": _("A training method with this internal name exists already.")},
        help_text=_(
            "Lower-case letters, digits, hyphens and underscores. Used in addresses and commands; "
            "it cannot be changed later."
        ),
    )
    display_name = models.CharField(_("Display name"), max_length=100, help_text=_("The name people choose it by."))
    method_type = models.CharField(_("Method type"), max_length=16, choices=METHOD_TYPES)
    description = models.TextField(
        _("Description"), blank=True, help_text=_("What it is good for, in a sentence or two.")
    )
    trainer = models.CharField(_("Trainer"), max_length=64, help_text=_("The registered trainer that does the work."))
    config = models.JSONField(
        _("Configuration"),
        default=dict,
        blank=True,
        help_text=_("What this site offers for the trainer's parameters, as JSON."),
    )
    is_builtin = models.BooleanField(_("built-in"), default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(_("Updated"), auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    history = HistoricalRecords(excluded_fields=["updated_at"])
    objects = TrainingMethodQuerySet.as_manager()

    class Meta:
        verbose_name = _("training method")
        verbose_name_plural = _("training methods")
        ordering = ["display_name"]
        constraints = [
            models.UniqueConstraint(
                Lower("display_name"),
                name="training_method_display_name",
                violation_error_code="display_name",
                violation_error_message=_("A training method with this display name exists already."),
            ),
            models.CheckConstraint(
                condition=models.Q(internal_name__regex=r"^[a-z0-9]+([-_][a-z0-9]+)*$"),
                name="training_method_internal_name",
                violation_error_code="internal_name",
                violation_error_message=_(
                    "The internal name takes lower-case letters, digits, hyphens and underscores."
                ),
            ),
            models.CheckConstraint(
                condition=models.Q(method_type__in=list(MethodType)),
                name="training_method_type",
                violation_error_code="method_type",
                violation_error_message=_("This is not one of the method types."),
            ),
            models.CheckConstraint(
                condition=~models.Q(display_name=""),
                name="training_method_display_name_given",
                violation_error_code="display_name",
                violation_error_message=_("A training method needs a display name."),
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

    def get_absolute_url(self) -> str:
        return page_of("training_methods:detail", self.internal_name)

    def clean(self) -> None:
        pages = {"add": gettext("“Add a New”"), "trainers": gettext("the catalog of trainers")}
        if page := pages.get(self.internal_name):
            sentence = gettext("“%(name)s” is the address of %(page)s: choose another name.")
            sentence %= {"name": self.internal_name, "page": page}
            raise ValidationError({"internal_name": sentence})

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """As Django does, with each mistake at the field that the constraint's code names."""
        try:
            super().validate_constraints(exclude)
        except ValidationError as error:
            mistakes = list(chain.from_iterable(error.error_dict.values()))
            fields = {str(mistake.code) for mistake in mistakes}
            raise ValidationError({field: [m for m in mistakes if m.code == field] for field in fields}) from None


class TrainerCheckQuerySet(models.QuerySet["TrainerCheck"]):
    LOST = long_ago("heard_at", PATIENCE) & models.Q(state="running")

    def settled(self) -> "TrainerCheckQuerySet":
        """Those that may be asked for again: they ended, or were lost by a clock that can be trusted."""
        ended = models.Q(state__in=TrainerCheck.ENDED)
        return self.filter(ended | self.LOST if clocks.is_trusted() else ended)

    def lost(self) -> "TrainerCheckQuerySet":
        """Their worker has not been heard of, and will not be."""
        return self.filter(self.LOST)

    def unheard(self, after: timedelta) -> "TrainerCheckQuerySet":
        """Those that wait and were not announced to a worker within that time."""
        never = models.Q(woken_at=None)
        return self.filter(state=TrainerCheck.State.WAITING).filter(never | long_ago("woken_at", after))


class TrainerCheck(models.Model):
    """The test bench on a method: the last time that its trainer was tried with its configuration.

    Its state changes in `checks` alone. `run` counts the claims: whoever writes names the one that is theirs.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        PASSED = "passed", _("Passed")
        FAILED = "failed", _("Failed")

    ENDED = (State.PASSED, State.FAILED)

    method = models.OneToOneField(TrainingMethod, models.CASCADE, related_name="trainer_check")
    state = models.CharField(max_length=8, choices=State)
    queue = models.CharField(max_length=64)
    worker = models.UUIDField(null=True, help_text="Which has it, or had it last.")
    run = models.PositiveIntegerField(default=0)
    trainer = models.CharField(max_length=64)
    config = models.JSONField(default=dict)
    code_hash = models.CharField(max_length=64, blank=True)
    results = models.JSONField(default=list)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField()
    woken_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = TrainerCheckQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "running", "passed", "failed"]), name="trainer_check_state"
            )
        ]

    def __str__(self) -> str:
        return f"{self.trainer}: {self.label}"

    @cached_property
    def is_lost(self) -> bool:
        """It may be asked for again. By the database's clock: this machine's may be another."""
        return self.state == self.State.RUNNING and type(self).objects.lost().filter(pk=self.pk).exists()

    @property
    def is_unfinished(self) -> bool:
        return self.state not in self.ENDED and not self.is_lost

    @property
    def label(self) -> str:
        return gettext("Interrupted") if self.is_lost else str(self.State(self.state).label)

    @property
    def symbol(self) -> str:
        """Of icons.svg, and of the colours that a job's status has."""
        symbols = {"waiting": "queued", "running": "running", "passed": "succeeded", "failed": "failed"}
        return "cancelled" if self.is_lost else symbols[self.state]

    @property
    def when(self) -> datetime:
        return self.finished_at or self.started_at or self.asked_at

    def outdated(self, method: TrainingMethod, code_hash: str) -> str:
        """What has changed since it was tried, if anything."""
        if self.state not in self.ENDED:
            return ""
        if (self.trainer, self.code_hash) != (method.trainer, code_hash):
            return gettext("The code has changed since.")
        return gettext("The configuration has changed since.") if self.config != method.config else ""


class License(models.Model):
    """The key in use. At most one; what it says is read by `licensing` alone, from the key itself."""

    key = models.TextField()
    installed_at = models.DateTimeField(_("Installed"), auto_now=True)
    installed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("Installed by"),
    )

    class Meta:
        verbose_name = _("license")
        verbose_name_plural = _("licenses")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(id=1),
                name="one_license",
                violation_error_message=_("There is one license at a time."),
            ),
        ]

    def __str__(self) -> str:
        return "License"
