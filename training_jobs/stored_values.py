"""Values of an earlier job, or of a profile, held against what their method offers now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from training_jobs import references
from training_methods import config
from training_methods.models import TrainingMethod
from training_methods.trainers.parameters import Parameter


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What can be taken over, and a sentence for each parameter that cannot."""

    values: dict[str, Any]
    misfits: dict[str, str]
    new: list[str]  # parameters that the stored values know nothing of

    @property
    def sentences(self) -> list[str]:
        since = [f"New since, and at their defaults: {', '.join(self.new)}."] if self.new else []
        return [*self.misfits.values(), *since]


def fit(stored: Mapping[str, Any], parameters: Iterable[Parameter], method: TrainingMethod) -> Fit:
    offered = {parameter.name: parameter for parameter in parameters}
    misfits = {}
    for name, value in stored.items():
        if sentence := misfit(name, value, offered.get(name), method):
            misfits[name] = sentence
    values = {name: value for name, value in stored.items() if name not in misfits}
    return Fit(values=values, misfits=misfits, new=[name for name in offered if name not in stored])


def misfit(name: str, value: Any, parameter: Parameter | None, method: TrainingMethod) -> str:
    """Why the method does not take the value any more, or nothing."""
    if parameter is None:
        return f"{method} no longer has “{name}”, which was {value}."
    if parameter.locked:
        return "" if parameter.default == value else f"“{name}” is fixed at {parameter.default} now; it was {value}."
    if parameter.refers_to and value and value not in references.names(parameter):
        return f"The base model “{value}”, which was “{name}”, is not there any more: choose another."
    if objection := config.misfit_of(value, parameter):
        return f"“{name}” no longer takes its value. {objection} {without(parameter)}"
    return ""


def without(parameter: Parameter) -> str:
    """What the form shows of a parameter for which there is no value."""
    if parameter.required:
        return "Give another."
    return "It is not set now." if parameter.default is None else f"It is at its default, {parameter.default}."
