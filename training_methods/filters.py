import django_filters
from django import forms
from django.db.models import QuerySet

from training_methods.models import METHOD_TYPES, TrainingMethod, TrainingMethodQuerySet

SORTED_BY = {"name": ["name"], "type": ["method_type", "name"], "updated": ["updated_at", "name"]}
SORTED_BY |= {f"-{key}": [f"-{first}", *rest] for key, (first, *rest) in SORTED_BY.items()}


class MethodFilter(django_filters.FilterSet):
    """What stands in the list's address. What cannot be understood there is left aside."""

    q = django_filters.CharFilter(method="search")
    type = django_filters.ChoiceFilter(
        choices=METHOD_TYPES,
        field_name="method_type",
        empty_label="All types",
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    sort = django_filters.ChoiceFilter(choices=[(key, key) for key in SORTED_BY], method="sort_by")

    class Meta:
        model = TrainingMethod
        fields: list[str] = []

    def search(self, methods: TrainingMethodQuerySet, name: str, words: str) -> QuerySet:
        return methods.matching(words)

    def sort_by(self, methods: QuerySet, name: str, key: str) -> QuerySet:
        return methods.order_by(*SORTED_BY[key])
