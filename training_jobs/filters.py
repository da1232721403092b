"""What the lists may be narrowed to and sorted by. What a filter does not know narrows nothing."""

from django import forms
from django_filters import CharFilter, ChoiceFilter, FilterSet, OrderingFilter

from training_jobs.models import CustomizedModel, Status, TrainingJob, TrainingJobQuerySet
from training_methods.models import TrainingMethod


def drop_down() -> forms.Select:
    return forms.Select({"class": "form-select"})


def method_choices() -> list[tuple[str, str]]:
    return list(TrainingMethod.objects.values_list("internal_name", "display_name"))


class JobFilter(FilterSet):
    q = CharFilter(method="search", label="Search")
    status = ChoiceFilter(choices=Status.choices, empty_label="Any status", widget=drop_down())
    method = ChoiceFilter("method__internal_name", choices=method_choices, empty_label="Any method", widget=drop_down())
    sort = OrderingFilter(fields=[(name, name) for name in ("name", "status", "created_at")])

    class Meta:
        model = TrainingJob
        fields: list[str] = []

    def search(self, jobs: TrainingJobQuerySet, name: str, words: str) -> TrainingJobQuerySet:
        return jobs.matching(words)


class ModelFilter(FilterSet):
    q = CharFilter("name", "icontains", label="Search")
    sort = OrderingFilter(fields=[(name, name) for name in ("name", "size_bytes", "created_at")])

    class Meta:
        model = CustomizedModel
        fields: list[str] = []
