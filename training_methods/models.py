from collections.abc import Collection
from itertools import chain

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from simple_history.models import HistoricalRecords

from training_methods.trainers import MethodType

METHOD_TYPES = [(method_type.value, method_type.label) for method_type in MethodType]


class TrainingMethodQuerySet(models.QuerySet["TrainingMethod"]):
    def of_type(self, method_type: str) -> "TrainingMethodQuerySet":
        return self.filter(method_type=method_type) if method_type else self

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
        max_length=64,
        unique=True,
        validators=[
            RegexValidator(
                r"\A[a-z0-9]+(?:[-_][a-z0-9]+)*\Z",
                "“%(value)s” is not an internal name: use lower-case letters, digits, hyphens and underscores, "
                "and begin and end with a letter or digit.",
            )
        ],
        error_messages={"unique": "A training method with this internal name exists already."},
        help_text="Lower-case letters, digits, hyphens and underscores. Used in addresses and commands; "
        "it cannot be changed later.",
    )
    display_name = models.CharField(max_length=100, help_text="The name people choose it by.")
    method_type = models.CharField(max_length=16, choices=METHOD_TYPES)
    description = models.TextField(blank=True, help_text="What it is good for, in a sentence or two.")
    trainer = models.CharField(max_length=64, help_text="The registered trainer that does the work.")
    config = models.JSONField(
        default=dict, blank=True, help_text="What this site offers for the trainer's parameters, as JSON."
    )
    is_builtin = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    history = HistoricalRecords(excluded_fields=["updated_at"])
    objects = TrainingMethodQuerySet.as_manager()

    class Meta:
        ordering = ["display_name"]
        constraints = [
            models.UniqueConstraint(
                Lower("display_name"),
                name="training_method_display_name",
                violation_error_code="display_name",
                violation_error_message="A training method with this display name exists already.",
            ),
            models.CheckConstraint(
                condition=models.Q(internal_name__regex=r"^[a-z0-9]+([-_][a-z0-9]+)*$"),
                name="training_method_internal_name",
                violation_error_code="internal_name",
                violation_error_message="The internal name takes lower-case letters, digits, hyphens and underscores.",
            ),
            models.CheckConstraint(
                condition=models.Q(method_type__in=list(MethodType)),
                name="training_method_type",
                violation_error_code="method_type",
                violation_error_message="This is not one of the method types.",
            ),
            models.CheckConstraint(
                condition=~models.Q(display_name=""),
                name="training_method_display_name_given",
                violation_error_code="display_name",
                violation_error_message="A training method needs a display name.",
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

    def get_absolute_url(self) -> str:
        return reverse("training_methods:detail", args=[self.internal_name])

    def clean(self) -> None:
        if self.internal_name == "add":
            raise ValidationError({"internal_name": "“add” is the address of “Add a New”: choose another name."})

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """As Django does, with each mistake at the field that the constraint's code names."""
        try:
            super().validate_constraints(exclude)
        except ValidationError as error:
            mistakes = list(chain.from_iterable(error.error_dict.values()))
            fields = {str(mistake.code) for mistake in mistakes}
            raise ValidationError({field: [m for m in mistakes if m.code == field] for field in fields}) from None


class License(models.Model):
    """The key in use. At most one; what it says is read by `licensing` alone, from the key itself."""

    key = models.TextField()
    installed_at = models.DateTimeField(auto_now=True)
    installed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(id=1),
                name="one_license",
                violation_error_message="There is one license at a time.",
            ),
        ]

    def __str__(self) -> str:
        return "License"
