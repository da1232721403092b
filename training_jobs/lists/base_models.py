"""The list of base models."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy, ngettext
from django_filters import CharFilter, ChoiceFilter, FilterSet

from training_jobs import base_models
from training_jobs.models import FoundationModel
from training_methods import cells
from training_methods.lists import Action, Catalogue, Column
from training_methods.numbers import in_short
from training_methods.selects import PlainSelect


class BaseModelFilter(FilterSet):
    q = CharFilter(method="search", label=gettext_lazy("Search"))
    kind = ChoiceFilter(
        choices=FoundationModel.Kind.choices,
        label=gettext_lazy("Kind"),
        empty_label=gettext_lazy("Any kind"),
        widget=PlainSelect(),
    )
    weights = ChoiceFilter(
        choices=FoundationModel.Weights.choices,
        label=gettext_lazy("Weights"),
        empty_label=gettext_lazy("Any weights"),
        widget=PlainSelect(),
    )
    by = CharFilter("created_by__username", label=gettext_lazy("By"))

    class Meta:
        model = FoundationModel
        fields: list[str] = []

    def search(self, models: QuerySet, name: str, words: str) -> QuerySet:
        return models.filter(Q(name__icontains=words) | Q(architecture__icontains=words))


def rows() -> QuerySet[FoundationModel]:
    return FoundationModel.objects.select_related("created_by")


def delete(model: FoundationModel, user: Any) -> str:
    try:
        base_models.delete(model, user=user)
    except (PermissionDenied, base_models.BadBaseModel) as refused:
        return str(refused)
    return ""


BASE_MODELS = Catalogue(
    name="base-models",
    label=gettext_lazy("Base models"),
    rows=rows,
    filters=BaseModelFilter,
    selects=["kind", "weights"],
    sort="name",
    columns=[
        Column(
            name="name",
            label=gettext_lazy("Base model"),
            cell=lambda model: cells.link(model.get_absolute_url(), model.name, length=48),
            value=lambda model: model.name,
            order=["name"],
            on_small_screens=True,
        ),
        Column(
            name="architecture",
            label=gettext_lazy("Architecture"),
            cell=lambda model: cells.middle(model.architecture, 32),
            value=lambda model: model.architecture,
            order=["architecture", "name"],
        ),
        Column(
            name="parameter_count",
            label=gettext_lazy("Parameters"),
            cell=lambda model: in_short(model.parameter_count) if model.parameter_count is not None else cells.NOTHING,
            value=lambda model: model.parameter_count,
            order=["parameter_count"],
            is_number=True,
            on_small_screens=True,
        ),
        Column(
            name="kind",
            label=gettext_lazy("Kind"),
            cell=lambda model: model.get_kind_display(),
            value=lambda model: model.kind,
            is_shown=False,
        ),
        Column(
            name="weights",
            label=gettext_lazy("Weights"),
            cell=lambda model: model.get_weights_display(),
            value=lambda model: model.weights,
        ),
        Column(
            name="context",
            label=gettext_lazy("Context length"),
            cell=lambda model: cells.number(model.context_length),
            value=lambda model: model.context_length,
            order=["context_length"],
            is_number=True,
            is_shown=False,
        ),
        Column(
            name="size_bytes",
            label=gettext_lazy("Size"),
            cell=lambda model: filesizeformat(model.size_bytes),
            value=lambda model: model.size_bytes,
            order=["size_bytes"],
            is_number=True,
            is_shown=False,
        ),
        Column(
            name="license",
            label=gettext_lazy("License"),
            cell=lambda model: model.license_name or cells.NOTHING,
            value=lambda model: model.license_name,
        ),
        Column(
            name="by",
            label=gettext_lazy("By"),
            cell=lambda model: cells.narrowed("by", str(model.created_by or "")),
            value=lambda model: model.created_by or "",
            is_shown=False,
        ),
        Column(
            name="created_at",
            label=gettext_lazy("Added"),
            cell=lambda model: cells.when(model.created_at),
            value=lambda model: model.created_at,
            order=["created_at"],
        ),
    ],
    actions=[
        Action(
            name="delete",
            label=gettext_lazy("Take off the record"),
            symbol="trash",
            do=delete,
            done=lambda n: (
                ngettext("One base model is off the record.", "%(n)d base models are off the record.", n) % {"n": n}
            ),
            question=lambda n: ngettext("Delete this base model?", "Delete these %(n)d base models?", n) % {"n": n},
            warning=gettext_lazy(
                "They are taken off the record; their folders stay where they are, and so do the trains."
            ),
            is_offered_to=base_models.may_change,
        )
    ],
)
