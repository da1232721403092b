"""The form that starts a train."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.urls import reverse_lazy

from training_jobs.models import Dataset, FoundationModel
from training_jobs.submission import wrong_base_model, wrong_dataset, wrong_name, wrong_seed
from training_methods import catalog
from training_methods.catalog import UnknownTrainer
from training_methods.models import TrainingMethod


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


class MethodField(forms.ModelChoiceField):
    widget = MethodSelect

    def clean(self, value: Any) -> TrainingMethod | None:
        method = super().clean(value)
        if method and (reason := why_not(method)):
            raise forms.ValidationError(reason)
        return method


class BaseModelField(forms.ModelChoiceField):
    def label_from_instance(self, base_model: FoundationModel) -> str:
        if base_model.parameter_count is None:
            return base_model.name
        return f"{base_model.name} · {base_model.parameter_count / 1e6:,.4g} M parameters"


class DatasetField(forms.ModelChoiceField):
    def label_from_instance(self, dataset: Dataset) -> str:
        return f"{dataset.name} · {dataset.data_format} · {dataset.row_count:,} rows"


class TrainForm(forms.Form):
    """What every train needs, whatever its method. The method's own settings are a form beside it."""

    name = forms.CharField(
        label="Train name",
        required=False,
        help_text="Part of the customized model's name. Left empty, the method and the time make one.",
    )
    method = MethodField(
        TrainingMethod.objects.all(),
        to_field_name="internal_name",
        label="Training method",
        empty_label="Choose a method",
        error_messages={
            "required": "Choose a training method.",
            "invalid_choice": "There is no training method “%(value)s” any more: choose another.",
        },
    )
    base_model = BaseModelField(
        FoundationModel.objects.all(),
        label="Base model",
        empty_label="Choose a base model",
        error_messages={
            "required": "Choose a base model.",
            "invalid_choice": "The base model that was chosen is not there any more: choose another.",
        },
    )
    dataset = DatasetField(
        Dataset.objects.all(),
        empty_label="Choose a dataset",
        error_messages={
            "required": "Choose a dataset.",
            "invalid_choice": "The dataset that was chosen is not there any more: choose another.",
        },
    )
    seed = forms.IntegerField(
        initial=42,
        help_text="The same seed gives the same train again.",
        error_messages={"required": "A seed is needed.", "invalid": "The seed is a whole number."},
    )

    use_required_attribute = False

    def clean(self) -> dict[str, Any]:
        """Says at once what `submit` would say."""
        given = self.cleaned_data
        method, base_model, dataset = (given.get(name) for name in ("method", "base_model", "dataset"))
        if given["name"]:
            self.add_mistakes(wrong_name(given["name"]))
        if "seed" in given:
            self.add_mistakes(wrong_seed(given["seed"]))
        if method and base_model:
            self.add_mistakes(wrong_base_model(base_model, method))
        if method and dataset:
            self.add_mistakes(wrong_dataset(dataset, catalog.get(method.trainer)))
        return given

    def add_mistakes(self, sentences: Mapping[str, str]) -> None:
        for name, sentence in sentences.items():
            if name in self.fields:
                self.add_error(name, sentence)
