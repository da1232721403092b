"""Parameters that refer to a base model: a teacher, a reward model. Their value is the record's name."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from training_jobs.models import FoundationModel
from training_methods.trainers.parameters import ModelKind, Parameter

SHOWN = 10
NO_SUCH: dict[ModelKind, str] = {
    "causal-lm": gettext_noop("There is no base model “%(name)s”. The language models are: %(names)s."),
    "reward": gettext_noop("There is no base model “%(name)s”. The reward models are: %(names)s."),
}
OF_THE_OTHER_KIND: dict[ModelKind, str] = {
    "causal-lm": gettext_noop("“%(model)s” is a reward model; a language model is needed here."),
    "reward": gettext_noop("“%(model)s” is a language model; a reward model is needed here."),
}


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
            wrong[parameter.name] = _("A base model has to be chosen.")
    return found, wrong


def objection(parameter: Parameter, name: str, model: FoundationModel | None) -> str:
    assert parameter.refers_to
    if model is None:
        known = {"name": name, "names": ", ".join(names(parameter)[:SHOWN]) or _("none yet")}
        return _(NO_SUCH[parameter.refers_to]) % known
    if model.kind != parameter.refers_to:
        return _(OF_THE_OTHER_KIND[parameter.refers_to]) % {"model": model}
    if not Path(model.path).is_dir():
        gone = _("The folder of “%(model)s”, %(folder)s, is not there any more.")
        return gone % {"model": model, "folder": model.path}
    return ""


def names(parameter: Parameter) -> list[str]:
    """What may be chosen: the site's base models of that kind, or those of them that the method allows."""
    records = FoundationModel.objects.filter(kind=parameter.refers_to)
    if parameter.choices:
        records = records.filter(name__in=parameter.choices)
    return list(records.values_list("name", flat=True))
