"""A trainer's hyperparameters as a form: the fields show what may be given, pydantic says whether it fits."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import ValidationError

from training_jobs import references
from training_methods import sentences
from training_methods.parameter_help import help_of
from training_methods.trainers.parameters import Parameter, mistakes, values_model

NEEDED = gettext_lazy("A value is needed.")
AT_ONCE = 3  # settings that are shown before anybody asks for more


class HyperparametersForm(forms.Form):
    """One field a parameter; the checked values are in `cleaned_data`, each under its parameter's name.

    `initial` may hold names the parameters do not have, and values for locked ones: both are left out.
    """

    prefix = "p"  # keeps a parameter called “name” apart from the train's name
    use_required_attribute = False

    def __init__(
        self,
        parameters: list[Parameter],
        data: Mapping[str, Any] | None = None,
        *,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        free = {parameter.name for parameter in parameters if not parameter.locked}
        super().__init__(data, initial={name: value for name, value in (initial or {}).items() if name in free})
        self.parameters = parameters
        self.fields = {parameter.name: field_of(parameter) for parameter in parameters}

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        unset = [one.name for one in self.parameters if given.get(one.name) == "" and one.type != "string"]
        self.add_mistakes(dict.fromkeys(unset, str(NEEDED)) | references.named(self.parameters, given)[1])
        try:
            values = values_model(self.parameters).model_validate(given)
        except ValidationError as error:
            self.add_mistakes(mistakes(error, sentences.translated))
            return given
        return values.model_dump()

    def add_mistakes(self, sentences: Mapping[str, str]) -> None:
        """Put each sentence at its parameter's field, unless something is said there already."""
        for name, sentence in sentences.items():
            if name in self.fields and not self.has_error(name):
                self.add_error(name, sentence)

    @property
    def basic_fields(self) -> list[BoundField]:
        """What most people set, and what has to be set: shown at once."""
        return self._bound(parameter for parameter in self.parameters if parameter.name in self.at_once)

    @property
    def other_fields(self) -> dict[str, list[BoundField]]:
        """The rest, by the heading it stands under."""
        rest = [parameter for parameter in self.parameters if parameter.name not in self.at_once]
        headings = dict.fromkeys(parameter.group for parameter in rest)
        return {_(heading): self._bound(one for one in rest if one.group == heading) for heading in headings}

    @property
    def other_fields_have_mistakes(self) -> bool:
        return any(
            self.has_error(parameter.name) for parameter in self.parameters if parameter.name not in self.at_once
        )

    @cached_property
    def at_once(self) -> frozenset[str]:
        """The names of the three choices that matter most, and of all that have to be made."""
        needed = [parameter.name for parameter in self.parameters if parameter.required]
        basic = [parameter.name for parameter in self.parameters if parameter.basic and not parameter.required]
        return frozenset([*needed, *basic[: max(AT_ONCE - len(needed), 0)]])

    def _bound(self, parameters: Iterable[Parameter]) -> list[BoundField]:
        return [self[parameter.name] for parameter in parameters]


def field_of(parameter: Parameter) -> forms.Field:
    """A field that takes what was typed as it is: nothing typed is None where that means something."""
    common: dict[str, Any] = {
        "label": _(parameter.label) if parameter.label else parameter.name,
        "help_text": help_of(parameter),
        "initial": parameter.default,
        "disabled": parameter.locked,
    }
    if parameter.type == "boolean" and not parameter.nullable:
        return forms.BooleanField(required=False, **common)
    return forms.CharField(
        required=parameter.required and not parameter.nullable,
        empty_value=None if parameter.nullable else "",
        widget=widget_of(parameter),
        error_messages={"required": NEEDED},
        **common,
    )


def widget_of(parameter: Parameter) -> forms.Widget:
    if choices := choices_of(parameter):
        return forms.Select(choices=choices)
    hint = {"placeholder": _("not set")} if parameter.nullable else {}
    if parameter.type == "string":
        return forms.TextInput(hint)
    low, high = parameter.inclusive_bounds
    bounds = {name: bound for name, bound in (("min", low), ("max", high)) if bound is not None}
    return forms.NumberInput(hint | bounds | {"step": 1 if parameter.type == "integer" else "any"})


def choices_of(parameter: Parameter) -> list[tuple[Any, str]]:
    """The options of a drop-down, or none where anything may be typed."""
    if parameter.refers_to:
        first = _("– none –") if parameter.nullable else _("Choose a base model")
        return [("", first), *((name, name) for name in references.names(parameter))]
    options = [True, False] if parameter.type == "boolean" else parameter.choices or []
    nothing = [("", "–")] if options and (parameter.nullable or parameter.required) else []
    return [*nothing, *((option, str(option)) for option in options)]
