"""Parameters that refer to a base model: a teacher, a reward model. Their value is the record's name."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from training_jobs.models import FoundationModel
from training_methods.trainers.parameters import MODEL_KINDS, Parameter

SHOWN = 10


def named(
    parameters: Iterable[Parameter], values: Mapping[str, Any]
) -> tuple[dict[str, FoundationModel], dict[str, str]]:
    """The base models that the values name without regard to case, and what is wrong with the others."""
    found, wrong = {}, {}
    for parameter in parameters:
        if not parameter.refers_to or parameter.name not in values:
            continue
        if name := values[parameter.name]:
            model = FoundationModel.objects.filter(name__iexact=name).first()
            if sentence := objection(parameter, name, model):
                wrong[parameter.name] = sentence
            elif model:
                found[parameter.name] = model
        elif not parameter.nullable:
            wrong[parameter.name] = "A base model has to be chosen."
    return found, wrong


def objection(parameter: Parameter, name: str, model: FoundationModel | None) -> str:
    assert parameter.refers_to
    kind = MODEL_KINDS[parameter.refers_to]
    if model is None:
        return f"There is no base model “{name}”. The {kind}s are: {', '.join(names(parameter)[:SHOWN]) or 'none yet'}."
    if model.kind != parameter.refers_to:
        return f"“{model}” is a {model.get_kind_display().lower()}; a {kind} is needed here."
    if not Path(model.path).is_dir():
        return f"The folder of “{model}”, {model.path}, is not there any more."
    return ""


def names(parameter: Parameter) -> list[str]:
    """What may be chosen: the site's base models of that kind, or those of them that the method allows."""
    records = FoundationModel.objects.filter(kind=parameter.refers_to)
    if parameter.choices:
        records = records.filter(name__in=parameter.choices)
    return list(records.values_list("name", flat=True))
