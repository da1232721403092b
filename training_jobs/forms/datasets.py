"""The forms that bring a dataset in."""

from pathlib import Path
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from training_jobs import datasets
from training_methods.trainers import DataFormat
from training_methods.trainers.rows import Column

# What DeepExtension has always called these two columns stands with them, so that its users find them.
ASKED, ANSWERED = ("prompt", "question", "instruction"), ("completion", "answer", "output")
CHOOSE_A_FILE = _("Choose a file, or drop one here.")


def formats() -> list[tuple[str, str]]:
    return [(str(option), gettext(option.label)) for option in DataFormat]


def unused_name(name: str) -> str:
    try:
        return datasets.unused_name(name)
    except datasets.BadDataset as bad:
        raise forms.ValidationError(str(bad)) from bad


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("Drop a file here, or choose one"),
        allow_empty_file=True,
        widget=forms.FileInput({"accept": ".jsonl,.ndjson,.json,.csv,.tsv,.parquet"}),
        error_messages={"required": CHOOSE_A_FILE, "missing": CHOOSE_A_FILE},
    )
    name = forms.CharField(
        label=_("Name"), required=False, max_length=100, help_text=_("Left empty, it is the file's name.")
    )
    choose = forms.BooleanField(required=False, label=_("Let me choose the format and the columns"))

    use_required_attribute = False

    @property
    def title(self) -> str:
        """What the dataset shall be called: as it was typed, or as the file is called."""
        return (self.data.get("name", "").strip() or Path(self.cleaned_data["file"].name).stem)[:100]

    def clean(self) -> dict[str, Any]:
        if "file" in self.cleaned_data and "name" in self.cleaned_data:
            try:
                self.cleaned_data["name"] = unused_name(self.title)
            except forms.ValidationError as error:
                self.add_error("name", error)
        return self.cleaned_data


class ColumnsForm(forms.Form):
    """Which format the rows have, and which of the file's columns stands for each of the format's."""

    name = forms.CharField(label=_("Name"), max_length=100)
    data_format = forms.ChoiceField(
        choices=formats,
        label=_("Format"),
        widget=forms.Select({"hx-get": "", "hx-target": "#columns", "hx-swap": "outerHTML"}),
    )

    use_required_attribute = False

    def __init__(self, data_format: DataFormat, in_file: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.columns = data_format.columns
        for column in self.columns:
            self.fields[column.name] = column_field(column, in_file)
        self.fields["columns_of"] = forms.CharField(widget=forms.HiddenInput, initial=data_format)

    def clean_name(self) -> str:
        return unused_name(self.cleaned_data["name"])

    @property
    def column_fields(self) -> list[forms.BoundField]:
        return [self[column.name] for column in self.columns]

    @property
    def mapping(self) -> dict[str, str]:
        chosen = {column.name: self.cleaned_data[column.name] for column in self.columns}
        return {name: column for name, column in chosen.items() if column}


def purpose(name: str) -> Any:
    if name in ASKED:
        return _("What the model is asked (PromptInputColumn).")
    return _("What the model is to answer (PromptOutputColumn).") if name in ANSWERED else ""


def column_field(column: Column, in_file: list[str]) -> forms.ChoiceField:
    nothing = ("", gettext("None") if column.optional else gettext("Choose a column"))
    return forms.ChoiceField(
        choices=[nothing, *((name, name) for name in in_file)],
        initial=column.found_in(in_file),
        label=column.name.capitalize(),
        required=not column.optional,
        help_text=purpose(column.name),
        error_messages={"required": gettext("Choose the column that holds the %(column)s.") % {"column": column.name}},
    )
