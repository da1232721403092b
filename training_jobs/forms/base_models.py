"""The form that takes a base model on record, and what the list of base models is narrowed by."""

from django import forms
from django.db.models import Q
from django_filters import CharFilter, FilterSet, OrderingFilter

from training_jobs import base_models
from training_jobs.models import FoundationModel


class BaseModelFilter(FilterSet):
    q = CharFilter(method="search", label="Search")
    sort = OrderingFilter(fields=[(name, name) for name in ("name", "architecture", "parameter_count", "created_at")])

    class Meta:
        model = FoundationModel
        fields: list[str] = []

    def search(self, models, name: str, words: str):
        return models.filter(Q(name__icontains=words) | Q(architecture__icontains=words))


class BaseModelForm(forms.Form):
    location = forms.CharField(
        max_length=1000,
        label="Folder or hub id",
        help_text="The whole path of a folder on this server, as in /models/SmolLM2-135M-Instruct, or the id of a "
        "model on the Hugging Face hub, as in HuggingFaceTB/SmolLM2-135M-Instruct. A large download is better "
        "started with “manage.py add_base_model”, since this page waits for it.",
    )
    name = forms.CharField(max_length=100, help_text="The name people choose it by.")

    use_required_attribute = False

    def clean_name(self) -> str:
        try:
            return base_models.unused_name(self.cleaned_data["name"])
        except base_models.BadBaseModel as bad:
            raise forms.ValidationError(str(bad)) from bad
