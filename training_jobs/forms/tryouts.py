"""The form that puts a prompt to a customized model."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from training_jobs.models import CustomizedModel
from training_methods.trainers.dialogue import LONGEST_PROMPT, MOST_TOKENS

LARGEST_SEED = 2**31 - 1


class PromptForm(forms.Form):
    prompt = forms.CharField(
        label=_("Prompt"),
        max_length=LONGEST_PROMPT,
        widget=forms.Textarea({"rows": 4, "data-submit-with-ctrl-enter": ""}),
    )
    temperature = forms.FloatField(
        label=_("Temperature"),
        min_value=0,
        max_value=2,
        initial=0.7,
        widget=forms.NumberInput({"step": "0.1"}),
        help_text=_("How freely words are drawn. 0 takes the likeliest each time."),
    )
    max_tokens = forms.IntegerField(
        label=_("Max tokens"),
        min_value=1,
        max_value=MOST_TOKENS,
        initial=200,
        help_text=_("An answer is cut off there."),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        min_value=0,
        max_value=LARGEST_SEED,
        required=False,
        help_text=_("The same seed draws the same words. Empty: another one each time."),
    )

    use_required_attribute = False


class RatedForm(forms.Form):
    """A reward model answers nothing: it scores an answer to a prompt."""

    prompt = forms.CharField(label=_("Prompt"), max_length=LONGEST_PROMPT, widget=forms.Textarea({"rows": 3}))
    rated = forms.CharField(
        label=_("Answer to score"),
        max_length=LONGEST_PROMPT,
        widget=forms.Textarea({"rows": 3, "data-submit-with-ctrl-enter": ""}),
    )

    use_required_attribute = False


def form_for(model: CustomizedModel, *args: Any, **kwargs: Any) -> forms.Form:
    kind = RatedForm if model.kind == CustomizedModel.Kind.REWARD else PromptForm
    return kind(*args, **kwargs)
