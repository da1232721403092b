"""The form that starts a train."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Case, Q, QuerySet, Value, When
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from training_jobs import ordering
from training_jobs.forms.choices import SearchedField
from training_jobs.models import Dataset, FoundationModel, Priority, TrainingJob
from training_jobs.submission import LONGEST_NAME, wrong_base_model, wrong_dataset, wrong_name, wrong_seed
from training_methods import catalog
from training_methods.catalog import UnknownTrainer
from training_methods.models import TrainingMethod
from training_methods.numbers import rounded
from training_methods.trainers import DataFormat

FIND = "find_"  # in front of a choice's name: the words that its options are searched with


class MethodSelect(forms.Select):
    """Lists methods that cannot run as well, not selectable, with the reason. Choosing one loads its settings."""

    def __init__(self) -> None:
        super().__init__(
            {"hx-get": reverse_lazy("training_jobs:job-new"), "hx-target": "#settings", "hx-swap": "outerHTML"}
        )

    def create_option(self, name: str, value: Any, label: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, label, *args, **kwargs)
        if value and (reason := why_not(value.instance)):
            option["label"] = f"{label}: {reason}"
            option["attrs"]["disabled"] = True
        return option


def why_not(method: TrainingMethod) -> str:
    """Why the method cannot run here, or nothing."""
    try:
        catalog.get(method.trainer)
    except UnknownTrainer as unknown:
        return str(unknown)
    return ""


class MethodField(SearchedField):
    widget = MethodSelect
    search_fields = ("display_name", "internal_name", "method_type")

    def clean(self, value: Any) -> TrainingMethod | None:
        method = super().clean(value)
        if method and (reason := why_not(method)):
            raise forms.ValidationError(reason)
        return method


class BaseModelField(SearchedField):
    search_fields = ("name", "architecture")

    def label_from_instance(self, base_model: FoundationModel) -> str:
        if base_model.parameter_count is None:
            return base_model.name
        millions = rounded(base_model.parameter_count / 1e6, 4)
        return _("%(name)s · %(millions)s M parameters") % {"name": base_model.name, "millions": millions}


class DatasetSelect(forms.Select):
    """Looks at its options again when another method is chosen."""

    def __init__(self) -> None:
        url = reverse_lazy("training_jobs:job-new-choices", args=["dataset"])
        super().__init__(
            {"hx-get": url, "hx-trigger": "change from:#id_method", "hx-include": "#train-form"}
            | {"hx-params": "find_dataset,dataset,method", "hx-target": "this", "hx-swap": "innerHTML"}
        )


class DatasetField(SearchedField):
    """Offers those first that the chosen method can learn from."""

    widget = DatasetSelect

    search_fields = ("name", "data_format")
    formats: tuple[str, ...] = ()

    def matching(self) -> QuerySet:
        found = super().matching().defer("preview", "columns", "mapping")
        if not self.formats:
            return found
        fits = Case(When(data_format__in=self.formats, then=Value(0)), default=Value(1))
        return found.order_by(fits, "-created_at")

    def having(self, word: str) -> Q:
        """By its format too, whether one calls that as the options do, in the reader's language, or as commands do."""
        called = [str(one) for one in DataFormat if word.casefold() in _(one.label).casefold()]
        return super().having(word) | Q(data_format__in=called)

    def label_from_instance(self, dataset: Dataset) -> str:
        rows = ngettext("%(count)s row", "%(count)s rows", dataset.row_count) % {"count": intcomma(dataset.row_count)}
        label = f"{dataset.name} · {dataset.format_label} · {rows}"
        if self.formats and dataset.data_format not in self.formats:
            return _("%(dataset)s · not for this method") % {"dataset": label}
        return label


class OriginField(forms.ModelChoiceField):
    """The train that the form was filled in from. One that was deleted meanwhile is no reason not to start."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> TrainingJob | None:
        try:
            return super().clean(value)
        except forms.ValidationError:
            return None


class TrainForm(forms.Form):
    """What every train needs, whatever its method. The method's own settings are a form beside it."""

    name = forms.CharField(
        label=gettext_lazy("Train name"),
        required=False,
        help_text=gettext_lazy(
            "Part of the customized model's name: letters, digits, hyphens, underscores and dots. Left empty, the "
            "method and the time make one."
        ),
        widget=forms.TextInput({"maxlength": LONGEST_NAME}),
    )
    method = MethodField(
        TrainingMethod.objects.all(),
        to_field_name="internal_name",
        label=gettext_lazy("Training method"),
        empty_label=gettext_lazy("Choose a method"),
        error_messages={
            "required": gettext_lazy("Choose a training method."),
            "invalid_choice": gettext_lazy("There is no training method “%(value)s” any more: choose another."),
        },
    )
    base_model = BaseModelField(
        FoundationModel.objects.all(),
        label=gettext_lazy("Base model"),
        empty_label=gettext_lazy("Choose a base model"),
        error_messages={
            "required": gettext_lazy("Choose a base model."),
            "invalid_choice": gettext_lazy("The base model that was chosen is not there any more: choose another."),
        },
    )
    dataset = DatasetField(
        Dataset.objects.all(),
        label=gettext_lazy("Dataset"),
        empty_label=gettext_lazy("Choose a dataset"),
        error_messages={
            "required": gettext_lazy("Choose a dataset."),
            "invalid_choice": gettext_lazy("The dataset that was chosen is not there any more: choose another."),
        },
    )
    seed = forms.IntegerField(
        label=gettext_lazy("Seed"),
        initial=42,
        help_text=gettext_lazy("The same seed gives the same train again."),
        error_messages={
            "required": gettext_lazy("A seed is needed."),
            "invalid": gettext_lazy("The seed is a whole number."),
        },
    )
    priority = forms.TypedChoiceField(
        choices=Priority.choices,
        coerce=lambda value: Priority(int(value)),
        initial=Priority.NORMAL,
        required=False,
        label=gettext_lazy("Priority"),
        help_text=gettext_lazy("Of the trains that wait, those of a higher priority go first."),
    )
    copied_from = OriginField(TrainingJob.objects.all(), required=False)

    use_required_attribute = False

    def __init__(self, data: Any = None, *, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=dict(initial or {}))
        given = data if data is not None else self.initial
        for name, field in self.fields.items():
            if isinstance(field, SearchedField):
                field.narrow(given.get(FIND + name, ""), self[name].value())
        dataset, method = self.fields["dataset"], self.fields["method"]
        assert isinstance(dataset, DatasetField) and isinstance(method, MethodField)
        dataset.formats = formats_of(method.record(method.chosen))

    def clean(self) -> dict[str, Any]:
        """Says at once what `submit` would say."""
        given = self.cleaned_data
        method, base_model, dataset = (given.get(name) for name in ("method", "base_model", "dataset"))
        if given.get("name"):
            self.add_mistakes(wrong_name(given["name"]))
        if "seed" in given:
            self.add_mistakes(wrong_seed(given["seed"]))
        if method and base_model:
            self.add_mistakes(wrong_base_model(base_model, method))
        if method and dataset:
            self.add_mistakes(wrong_dataset(dataset, catalog.get(method.trainer)))
        return given

    def clean_priority(self) -> Priority:
        return self.cleaned_data["priority"] or Priority.NORMAL

    def offer_priorities(self, user: Any) -> None:
        """Only those that the user may give."""
        field = self.fields["priority"]
        assert isinstance(field, forms.ChoiceField)
        if not ordering.may_order(user):
            field.choices = [(one.value, one.label) for one in Priority if one <= Priority.NORMAL]

    def add_mistakes(self, sentences: Mapping[str, str]) -> None:
        for name, sentence in sentences.items():
            if name in self.fields:
                self.add_error(name, sentence)


def formats_of(method: Any) -> tuple[str, ...]:
    """What the method learns from. Nothing: none is chosen, or it cannot run here."""
    trainer = catalog.trainers().get(method.trainer) if method else None
    return tuple(trainer.data_formats) if trainer else ()
