import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from training_methods import catalog, config_text, license_key, licensing, registry
from training_methods.license_key import LicenseRefused, LicenseTerms
from training_methods.models import TrainingMethod

# The page of the form, asked for another trainer, holds what that one offers.
RELOAD_TRAINER = {"hx-get": "", "hx-target": "#trainer", "hx-select": "#trainer", "hx-swap": "outerHTML"}


class ConfigField(forms.CharField):
    """JSON as a person writes it: what cannot be read is named with its line, and given back as it was typed."""

    widget = forms.Textarea(attrs={"rows": 16, "class": "mono", "spellcheck": "false", "autocapitalize": "off"})

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        try:
            return config_text.parse(text) if text else {}
        except config_text.BadJSON as error:
            raise ValidationError(str(error)) from error


class MethodForm(forms.ModelForm):
    config = ConfigField(
        label=_("Configuration"),
        required=False,
        initial=dict,
        help_text=TrainingMethod._meta.get_field("config").help_text,
    )

    class Meta:
        model = TrainingMethod
        fields = ["internal_name", "display_name", "method_type", "description", "trainer", "config"]
        labels = {
            "internal_name": _("Internal name"),
            "display_name": _("Display name"),
            "method_type": _("Method type"),
            "description": _("Description"),
        }
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept_trainer: str = self.instance.trainer
        help_text = self.fields["trainer"].help_text
        self.fields["trainer"] = forms.ChoiceField(
            choices=trainer_choices(self.kept_trainer), help_text=help_text, label=_("Trainer")
        )
        self.fields["trainer"].widget.attrs = RELOAD_TRAINER
        self.fields["internal_name"].disabled = self.instance.pk is not None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "config" in cleaned:
            mistakes = registry.mistakes_of_config(cleaned["config"], cleaned.get("trainer", ""), self.kept_trainer)
            for field, sentences in mistakes.items():
                self.add_error(field, sentences)
        return cleaned


def trainer_choices(kept: str) -> list[tuple[str, str]]:
    """The trainers that are there, and the one that the method has, wherever that is."""
    choices = [(trainer.slug, f"{gettext(trainer.label)} ({trainer.slug})") for trainer in catalog.trainers().values()]
    away = (
        [(kept, gettext("%(trainer)s (not available now)") % {"trainer": kept})]
        if kept and kept not in dict(choices)
        else []
    )
    return [("", gettext("Choose a trainer")), *choices, *away]


class LicenseForm(forms.Form):
    """A key from a file or pasted. Valid means that it can be installed; `terms` is what it says."""

    file = forms.FileField(label=_("License file"), required=False)
    key = forms.CharField(
        label=_("License key"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )
    terms: LicenseTerms

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        field = "file" if cleaned.get("file") else "key"
        try:
            cleaned["key"] = self.text_in(cleaned)
            self.terms = licensing.authority.verify(cleaned["key"])
        except LicenseRefused as refused:
            self.add_error(field, str(refused))
        return cleaned

    def text_in(self, cleaned: dict[str, Any]) -> str:
        file: UploadedFile | None = cleaned.get("file")
        text = license_key.text_of(file.read(licensing.LARGEST_FILE)) if file else cleaned.get("key", "")
        return license_key.compact(text)
