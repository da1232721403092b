"""The list of datasets.

Its CSV tells formats by their names, `prompt-completion`, as commands and configurations take them and as it does
whoever exports it: the words that the page has for them are another in each language, and change.
"""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy, ngettext
from django_filters import CharFilter, ChoiceFilter, FilterSet

from training_jobs import datasets
from training_jobs.forms.datasets import formats
from training_jobs.models import Dataset
from training_methods import cells
from training_methods.lists import Action, Catalogue, Column
from training_methods.selects import PlainSelect


class DatasetFilter(FilterSet):
    q = CharFilter("name", "icontains", label=gettext_lazy("Search"))
    format = ChoiceFilter(
        "data_format",
        choices=formats,
        label=gettext_lazy("Format"),
        empty_label=gettext_lazy("Any format"),
        widget=PlainSelect(),
    )
    by = CharFilter("created_by__username", label=gettext_lazy("By"))

    class Meta:
        model = Dataset
        fields: list[str] = []


def rows() -> QuerySet[Dataset]:
    return Dataset.objects.select_related("created_by").defer("preview", "mapping", "columns")


def delete(dataset: Dataset, user: Any) -> str:
    try:
        datasets.delete(dataset, user=user)
    except (PermissionDenied, datasets.DatasetInUse) as refused:
        return str(refused)
    return ""


DATASETS = Catalogue(
    name="datasets",
    label=gettext_lazy("Datasets"),
    rows=rows,
    filters=DatasetFilter,
    selects=["format"],
    sort="-created_at",
    columns=[
        Column(
            name="name",
            label=gettext_lazy("Dataset"),
            cell=lambda dataset: cells.link(dataset.get_absolute_url(), dataset.name, length=48),
            value=lambda dataset: dataset.name,
            order=["name"],
            on_small_screens=True,
        ),
        Column(
            name="format",
            label=gettext_lazy("Format"),
            cell=lambda dataset: dataset.format_label,
            value=lambda dataset: dataset.data_format,
            order=["data_format", "name"],
            on_small_screens=True,
        ),
        Column(
            name="row_count",
            label=gettext_lazy("Rows"),
            cell=lambda dataset: cells.number(dataset.row_count),
            value=lambda dataset: dataset.row_count,
            order=["row_count"],
            is_number=True,
            on_small_screens=True,
        ),
        Column(
            name="size_bytes",
            label=gettext_lazy("Size"),
            cell=lambda dataset: filesizeformat(dataset.size_bytes),
            value=lambda dataset: dataset.size_bytes,
            order=["size_bytes"],
            is_number=True,
        ),
        Column(
            name="file",
            label=gettext_lazy("File"),
            cell=lambda dataset: dataset.original_name,
            value=lambda dataset: dataset.original_name,
            is_shown=False,
        ),
        Column(
            name="sha256",
            label="SHA-256",
            cell=lambda dataset: cells.code(dataset.sha256, length=16),
            value=lambda dataset: dataset.sha256,
            is_shown=False,
        ),
        Column(
            name="by",
            label=gettext_lazy("By"),
            cell=lambda dataset: cells.narrowed("by", str(dataset.created_by or "")),
            value=lambda dataset: dataset.created_by or "",
        ),
        Column(
            name="created_at",
            label=gettext_lazy("Added"),
            cell=lambda dataset: cells.when(dataset.created_at),
            value=lambda dataset: dataset.created_at,
            order=["created_at"],
        ),
    ],
    actions=[
        Action(
            name="delete",
            label=gettext_lazy("Delete"),
            symbol="trash",
            do=delete,
            done=lambda n: ngettext("Deleted one dataset.", "Deleted %(n)d datasets.", n) % {"n": n},
            question=lambda n: ngettext("Delete this dataset?", "Delete these %(n)d datasets?", n) % {"n": n},
            warning=gettext_lazy(
                "Their files are deleted from the server. Trains that used them stay readable, but cannot be run again "
                "with these rows."
            ),
        )
    ],
)
