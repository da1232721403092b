"""The list of training methods."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db.models import OuterRef, QuerySet
from django.db.models.functions import Lower
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_filters import CharFilter, ChoiceFilter, FilterSet

from training_methods import catalog, cells, checks, registry
from training_methods.licensing import Action as Gated
from training_methods.licensing import NotAllowed
from training_methods.lists import Action, Catalogue, Column
from training_methods.models import METHOD_TYPES, TYPE_LABELS, TrainingMethod, TrainingMethodQuerySet
from training_methods.paging import CountOf
from training_methods.registry import MethodGone
from training_methods.selects import PlainSelect
from training_methods.templatetags.console import standing, status, translated

TrainingMethod._meta.get_field("display_name").register_lookup(Lower)


class MethodFilter(FilterSet):
    q = CharFilter(method="search", label=gettext_lazy("Search"))
    type = ChoiceFilter(
        "method_type",
        choices=METHOD_TYPES,
        label=gettext_lazy("Type"),
        empty_label=gettext_lazy("All types"),
        widget=PlainSelect(),
    )

    class Meta:
        model = TrainingMethod
        fields: list[str] = []

    def search(self, methods: TrainingMethodQuerySet, name: str, words: str) -> QuerySet:
        return methods.matching(words)


@cache  # to put it together takes longer than to read the methods
def rows() -> QuerySet[TrainingMethod]:
    jobs = TrainingMethod._meta.get_field("jobs").related_model._default_manager
    methods = TrainingMethod.objects.select_related("trainer_check", "updated_by").defer("trainer_check__results")
    return methods.annotate(job_count=CountOf(jobs.filter(method=OuterRef("pk")).order_by().values("pk")))


def prepare(methods: Sequence[Any]) -> None:
    """What the catalog of trainers knows of each. To read it takes a look at every file."""
    trainers = catalog.trainers()
    for method in methods:
        method.loads = method.trainer in trainers
        method.standing = checks.standing(method, trainers)


def trainer(method: Any) -> SafeString:
    name = cells.code(method.trainer)
    return name if method.loads else format_html("{} {}", name, status("failed", _("does not load")))


def bench(method: Any) -> SafeString:
    link = '<a class="text-reset text-decoration-none" href="{}#check">{}</a>'
    return format_html(link, method.get_absolute_url(), standing(method.standing))


def bench_value(method: TrainingMethod) -> str:
    check = getattr(method, "trainer_check", None)
    return check.label if check else ""


def delete(method: TrainingMethod, user: Any) -> str:
    try:
        registry.delete(method, user)
    except (NotAllowed, MethodGone) as refused:
        return str(refused)
    return ""


METHODS = Catalogue(
    name="methods",
    label=gettext_lazy("Training methods"),
    rows=rows,
    filters=MethodFilter,
    selects=["type"],
    sort="name",
    prepare=prepare,
    columns=[
        Column(
            name="name",
            label=gettext_lazy("Display name"),
            cell=lambda method: cells.link(method.get_absolute_url(), method.display_name, length=48),
            value=lambda method: method.display_name,
            order=["display_name__lower"],
            on_small_screens=True,
        ),
        Column(
            name="internal",
            label=gettext_lazy("Internal name"),
            cell=lambda method: cells.code(method.internal_name),
            value=lambda method: method.internal_name,
            order=["internal_name"],
        ),
        Column(
            name="type",
            label=gettext_lazy("Type"),
            cell=lambda method: TYPE_LABELS[method.method_type],
            value=lambda method: method.method_type,
            order=["method_type", "display_name__lower"],
            on_small_screens=True,
        ),
        Column(
            name="trainer",
            label=gettext_lazy("Trainer"),
            cell=trainer,
            value=lambda method: method.trainer,
            order=["trainer", "display_name__lower"],
        ),
        Column(name="bench", label=gettext_lazy("Test bench"), cell=bench, value=bench_value, on_small_screens=True),
        Column(
            name="jobs",
            label=gettext_lazy("Trains"),
            cell=lambda method: cells.number(method.job_count),
            value=lambda method: method.job_count,
            is_number=True,
        ),
        Column(
            name="description",
            label=gettext_lazy("Description"),
            cell=lambda method: translated(method.description) or cells.NOTHING,
            value=lambda method: method.description,
            is_shown=False,
        ),
        Column(
            name="by",
            label=gettext_lazy("Changed by"),
            cell=lambda method: method.updated_by or cells.NOTHING,
            value=lambda method: method.updated_by or "",
            is_shown=False,
        ),
        Column(
            name="updated",
            label=gettext_lazy("Updated"),
            cell=lambda method: cells.when(method.updated_at),
            value=lambda method: method.updated_at,
            order=["updated_at", "display_name__lower"],
        ),
    ],
    actions=[
        Action(
            name="delete",
            label=gettext_lazy("Delete"),
            symbol="trash",
            do=delete,
            done=lambda n: ngettext("Deleted one training method.", "Deleted %(n)d training methods.", n) % {"n": n},
            question=lambda n: ngettext("Delete this method?", "Delete these %(n)d methods?", n) % {"n": n},
            warning=gettext_lazy(
                "Nobody can choose them for a new train any more, and their profiles of settings go with them. "
                "Trains that used them, and their history, stay."
            ),
            is_offered_to=lambda user: user.has_perm(Gated.DELETE_METHOD.permission),
        )
    ],
)
