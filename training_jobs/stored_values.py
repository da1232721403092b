"""Values of an earlier job, or of a profile, held against what their method offers now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from training_jobs import references
from training_methods import config
from training_methods.models import TrainingMethod
from training_methods.numbers import written
from training_methods.trainers.parameters import Parameter


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What can be taken over, and a sentence for each parameter that cannot."""

    values: dict[str, Any]
    misfits: dict[str, str]
    new: list[str]  # what those parameters are called that the stored values know nothing of

    @property
    def sentences(self) -> list[str]:
        since = [_("New since, and at their defaults: %(names)s.") % {"names": ", ".join(self.new)}] if self.new else []
        return [*self.misfits.values(), *since]


def fit(stored: Mapping[str, Any], parameters: Iterable[Parameter], method: TrainingMethod) -> Fit:
    offered = {parameter.name: parameter for parameter in parameters}
    misfits = {}
    for name, value in stored.items():
        if sentence := misfit(name, value, offered.get(name), method):
            misfits[name] = sentence
    values = {name: value for name, value in stored.items() if name not in misfits}
    return Fit(values=values, misfits=misfits, new=[called(one) for one in offered.values() if one.name not in stored])


def called(parameter: Parameter) -> str:
    """As the form calls it."""
    return _(parameter.label) if parameter.label else parameter.name


def misfit(name: str, value: Any, parameter: Parameter | None, method: TrainingMethod) -> str:
    """Why the method does not take the value any more, or nothing."""
    known = {"method": method, "name": called(parameter) if parameter else name, "value": written(value)}
    if parameter is None:
        return _("%(method)s no longer has “%(name)s”, which was %(value)s.") % known
    if parameter.locked:
        fixed = _("“%(name)s” is fixed at %(fixed)s now; it was %(value)s.") % (
            known | {"fixed": written(parameter.default)}
        )
        return "" if parameter.default == value else fixed
    if parameter.refers_to and value and value not in references.names(parameter):
        return _("The base model “%(value)s”, which was “%(name)s”, is not there any more: choose another.") % known
    if objection := config.misfit_of(value, parameter):
        return f"{_('“%(name)s” no longer takes its value.') % known} {objection} {without(parameter)}"
    return ""


def without(parameter: Parameter) -> str:
    """What the form shows of a parameter for which there is no value."""
    if parameter.required:
        return _("Give another.")
    if parameter.default is None:
        return _("It is not set now.")
    return _("It is at its default, %(value)s.") % {"value": written(parameter.default)}
