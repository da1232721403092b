"""The form that takes a base model on record."""

from django import forms
from django.utils.translation import gettext_lazy as _

from training_jobs import base_models


class BaseModelForm(forms.Form):
    location = forms.CharField(
        max_length=1000,
        label=_("Folder or hub id"),
        help_text=_(
            "The whole path of a folder on this server, as in /models/SmolLM2-135M-Instruct, or the id of a "
            "model on the Hugging Face hub, as in HuggingFaceTB/SmolLM2-135M-Instruct. A large download is better "
            "started with “manage.py add_base_model”, since this page waits for it."
        ),
    )
    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("The name people choose it by."))

    use_required_attribute = False

    def clean_name(self) -> str:
        try:
            return base_models.unused_name(self.cleaned_data["name"])
        except base_models.BadBaseModel as bad:
            raise forms.ValidationError(str(bad)) from bad
