"""The list of customized models."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy, ngettext
from django_filters import CharFilter, ChoiceFilter, FilterSet

from training_jobs import removals
from training_jobs.models import CustomizedModel
from training_methods import cells
from training_methods.lists import Action, Catalogue, Column
from training_methods.selects import PlainSelect


class ModelFilter(FilterSet):
    q = CharFilter("name", "icontains", label=gettext_lazy("Search"))
    kind = ChoiceFilter(
        choices=CustomizedModel.Kind.choices,
        label=gettext_lazy("Kind"),
        empty_label=gettext_lazy("Any kind"),
        widget=PlainSelect(),
    )
    base = CharFilter("base_model_name", label=gettext_lazy("Base model"))
    by = CharFilter("job__created_by__username", label=gettext_lazy("By"))

    class Meta:
        model = CustomizedModel
        fields: list[str] = []


def rows() -> QuerySet[CustomizedModel]:
    """Of its train only what the list shows."""
    trains = ("job", "merged_from__job")
    of_train = [f"{train}__{field}" for train in trains for field in ("name", "created_by__username")]
    shown = ("name", "base_model_name", "kind", "size_bytes", "path", "created_at", *of_train)
    return CustomizedModel.objects.select_related(*(f"{train}__created_by" for train in trains)).only(*shown)


def train(model: CustomizedModel) -> str:
    return cells.link(model.train.get_absolute_url(), model.train.name, length=24) if model.train else cells.NOTHING


def whose(model: CustomizedModel) -> str:
    return str(model.train.created_by or "") if model.train else ""


def delete(model: CustomizedModel, user: Any) -> str:
    try:
        removals.remove(model, user=user)
    except (PermissionDenied, removals.InUse) as refused:
        return f"“{model}”: {refused}"
    return ""


MODELS = Catalogue(
    name="models",
    label=gettext_lazy("Customized models"),
    rows=rows,
    filters=ModelFilter,
    selects=["kind"],
    sort="-created_at",
    columns=[
        Column(
            name="name",
            label=gettext_lazy("Model"),
            cell=lambda model: cells.link(model.get_absolute_url(), model.name, length=48),
            value=lambda model: model.name,
            order=["name"],
            on_small_screens=True,
        ),
        Column(
            name="base",
            label=gettext_lazy("Base model"),
            cell=lambda model: cells.narrowed("base", model.base_model_name),
            value=lambda model: model.base_model_name,
            order=["base_model_name", "name"],
        ),
        Column(
            name="train",
            label=gettext_lazy("Train"),
            cell=train,
            value=lambda model: model.train.name if model.train else "",
            on_small_screens=True,
        ),
        Column(
            name="kind",
            label=gettext_lazy("Kind"),
            cell=lambda model: model.get_kind_display(),
            value=lambda model: model.kind,
            order=["kind", "name"],
        ),
        Column(
            name="size_bytes",
            label=gettext_lazy("Size"),
            cell=lambda model: filesizeformat(model.size_bytes),
            value=lambda model: model.size_bytes,
            order=["size_bytes"],
            is_number=True,
            on_small_screens=True,
        ),
        Column(
            name="by",
            label=gettext_lazy("By"),
            cell=lambda model: cells.narrowed("by", whose(model)),
            value=whose,
            is_shown=False,
        ),
        Column(
            name="folder",
            label=gettext_lazy("Folder"),
            cell=lambda model: cells.code(model.path, length=48),
            value=lambda model: model.path,
            is_shown=False,
        ),
        Column(
            name="created_at",
            label=gettext_lazy("Made"),
            cell=lambda model: cells.when(model.created_at),
            value=lambda model: model.created_at,
            order=["created_at"],
        ),
    ],
    actions=[
        Action(
            name="delete",
            label=gettext_lazy("Delete"),
            symbol="trash",
            do=delete,
            done=lambda n: ngettext("Deleted one customized model.", "Deleted %(n)d customized models.", n) % {"n": n},
            question=lambda n: (
                ngettext("Delete this customized model?", "Delete these %(n)d customized models?", n) % {"n": n}
            ),
            warning=gettext_lazy(
                "Their files go with them and cannot be brought back. The trains that they came of stay."
            ),
        )
    ],
)
