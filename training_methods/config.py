"""A method's configuration: what this site offers for its trainer's parameters, and what a job of it needs."""

import math
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from training_methods.catalog import TrainerInfo
from training_methods.config_text import shown
from training_methods.trainers.parameters import SENTENCES, Parameter, ParameterType, context_of, values_model
from training_methods.trainers.script import PLACES

NAME = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"
QUEUE = r"^[a-z0-9]+(?:[-_.][a-z0-9]+)*$"
TEMPERED = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

EXAMPLE = """{
  "parameters": {
    "learning_rate": {"default": 0.0002, "minimum": 1e-6, "maximum": 0.001},
    "rank": {"default": 16, "choices": [8, 16, 32], "help": "More learns more, and takes more memory."},
    "packing": {"default": true, "locked": true}
  },
  "resources": {"queue": "default", "gpus": 0, "time_limit_minutes": 600}
}"""


def storable(value: object) -> object:
    """A scalar that every database keeps as JSON."""
    if isinstance(value, dict | list):
        raise PydanticCustomError("scalar", gettext_noop("{input} is no value of a parameter."))
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("scalar", gettext_noop("{input} is not a finite number."))
    if isinstance(value, str) and any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise PydanticCustomError("scalar", gettext_noop("This text holds a character that cannot be stored."))
    return value


Scalar = Annotated[Any, AfterValidator(storable)]
Text = Annotated[str, AfterValidator(storable)]


class Offer(BaseModel):
    """What the site says of one parameter. What it does not name stays as the trainer has it."""

    model_config = TEMPERED

    type: ParameterType | None = None
    label: Annotated[Text, Field(max_length=100)] = ""
    help: Annotated[Text, Field(max_length=1000)] = ""
    default: Scalar = None
    required: bool = False
    locked: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: Annotated[list[Scalar], Field(min_length=1, max_length=100)] | None = None

    @model_validator(mode="before")
    @classmethod
    def of_choices(cls, given: Any) -> Any:
        """The type “choice” is that of its choices."""
        if isinstance(given, dict) and given.get("type") == "choice" and isinstance(given.get("choices"), list):
            kinds = {type(one) for one in given["choices"]}
            return given | {"type": next((name for name, some in KINDS.items() if kinds <= some), "string")}
        return given


KINDS: dict[str, set[type]] = {"boolean": {bool}, "integer": {int}, "number": {int, float}}


class Resources(BaseModel):
    """What a job of this method waits for, and how much it may take."""

    model_config = TEMPERED

    queue: Annotated[str, StringConstraints(pattern=QUEUE, max_length=64)] = "default"
    gpus: Annotated[int, Field(ge=0, le=1024)] | None = None  # one where there are any, else none
    time_limit_minutes: Annotated[int, Field(ge=1, le=525_600)] | None = None
    memory_gb: Annotated[float, Field(ge=0.1, le=100_000)] | None = None  # of the machine's, not of its graphics cards


class MethodConfig(BaseModel):
    model_config = TEMPERED

    parameters: dict[Annotated[str, StringConstraints(pattern=NAME)], Offer] = Field(default_factory=dict)
    resources: Resources = Resources()
    interpreter: Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(storable)] | None = (
        None
    )


def resources(config: dict[str, Any]) -> Resources:
    return MethodConfig.model_validate(config).resources


def interpreter(config: dict[str, Any]) -> str | None:
    """The Python that runs the method's script. None: the worker's own."""
    return MethodConfig.model_validate(config).interpreter


def offered(trainer: TrainerInfo, config: dict[str, Any]) -> list[Parameter]:
    """The trainer's parameters as this site offers them, then those that only the site knows."""
    offers = MethodConfig.model_validate(config).parameters
    known = {parameter.name: parameter for parameter in trainer.parameters}
    own = [merged(name, offer) for name, offer in offers.items() if name not in known and offer.type]
    return [merged(name, offers.get(name, Offer()), known[name]) for name in known] + own


def check(config: object, trainer: TrainerInfo | None) -> dict[str, str]:
    """Every mistake as a sentence by its path. Without a trainer, what can be said of the configuration alone."""
    found = mistakes_of_shape(config)
    if trainer is not None:
        if not trainer.is_script and isinstance(config, dict) and config.get("interpreter"):
            sentence = _("“%(trainer)s” is no script: a trainer class runs in the worker's own Python.")
            found["interpreter"] = sentence % {"trainer": trainer.slug}
        for name, offer in sound_offers(config):
            for key, sentence in objections(name, offer, trainer):
                found[".".join(filter(None, ("parameters", name, key)))] = sentence
    return dict(sorted(found.items()))


def mistakes_of_shape(config: object) -> dict[str, str]:
    try:
        MethodConfig.model_validate(config)
    except ValidationError as error:
        return {path_of(mistake): sentence_of(mistake) for mistake in error.errors()}
    return {}


def sound_offers(config: object) -> Iterator[tuple[str, Offer]]:
    """The parameters that can be held against the trainer, whatever is wrong with the others."""
    parameters = config.get("parameters") if isinstance(config, dict) else None
    for name, given in parameters.items() if isinstance(parameters, dict) else ():
        try:
            yield from MethodConfig.model_validate({"parameters": {name: given}}).parameters.items()
        except ValidationError:
            continue


def objections(name: str, offer: Offer, trainer: TrainerInfo) -> Iterator[tuple[str, str]]:
    """What the trainer cannot agree to, each with the key of the offer that it concerns."""
    known = next((parameter for parameter in trainer.parameters if parameter.name == name), None)
    if known is None:
        stranger = objection_to_stranger(name, offer, trainer)
        if stranger:
            yield stranger
            return
    elif offer.type not in (None, known.type):
        sentence = _("The trainer's “%(name)s” is of type %(type)s, not %(other)s.")
        yield "type", sentence % {"name": name, "type": known.type, "other": offer.type}
        return
    parameter = merged(name, offer, known)
    bounds = list(objections_to_bounds(offer, known or parameter.model_copy(update=UNBOUNDED), parameter))
    yield from bounds
    if not bounds:
        yield from objections_to_values(offer, known, parameter)


def objection_to_stranger(name: str, offer: Offer, trainer: TrainerInfo) -> tuple[str, str] | None:
    """A name that the trainer does not know: a script takes it, if it says its type."""
    if not trainer.is_script:
        names = [parameter.name for parameter in trainer.parameters]
        sentence = _("The trainer “%(trainer)s” has no parameter “%(name)s”.") % {"trainer": trainer.slug, "name": name}
        return "", f"{sentence} {suggestion(name, names)}".rstrip()
    if hasattr(BaseModel, name) or name in PLACES:
        return "", _("“%(name)s” cannot be the name of a parameter.") % {"name": name}
    if offer.type is None:
        sentence = _("The trainer does not know “%(name)s”, so it needs a type: integer, number, boolean or string.")
        return "type", sentence % {"name": name}
    return None


UNBOUNDED = {"minimum": None, "maximum": None, "choices": None, "default": None, "locked": False}


def objections_to_bounds(offer: Offer, known: Parameter, parameter: Parameter) -> Iterator[tuple[str, str]]:
    """A bound is itself a value that the trainer takes, its steps aside: bounds and choices narrow and never widen."""
    stepless = known.model_copy(update={"multiple_of": None})
    for key, bound in (("minimum", offer.minimum), ("maximum", offer.maximum)):
        if bound is not None and parameter.type not in ("integer", "number"):
            yield key, _("A parameter of type %(type)s has no %(key)s.") % {"type": parameter.type, "key": key}
        elif bound is not None and (misfit := misfit_of(int(bound) if bound.is_integer() else bound, stepless)):
            yield key, misfit
    if offer.minimum is not None and offer.maximum is not None and offer.minimum > offer.maximum:
        sentence = _("The minimum %(minimum)s is above the maximum %(maximum)s.")
        yield "minimum", sentence % {"minimum": f"{offer.minimum:g}", "maximum": f"{offer.maximum:g}"}
    for position, choice in enumerate(offer.choices or []):
        if misfit := misfit_of(choice, parameter.model_copy(update={"choices": known.choices})):
            yield f"choices.{position}", misfit


def objections_to_values(offer: Offer, known: Parameter | None, parameter: Parameter) -> Iterator[tuple[str, str]]:
    has_default = "default" in offer.model_fields_set
    if offer.required and (has_default or offer.locked):
        sentence = _("A required parameter is left to the person who starts the run: take its default or lock out.")
        yield "required", sentence
    elif has_default and (misfit := misfit_of(offer.default, parameter)):
        yield "default", misfit
    elif offer.locked and parameter.default is None and not (known and known.nullable):
        yield "locked", _("A locked parameter needs a default.")
    elif known and not has_default and not parameter.required and (misfit := misfit_of(known.default, parameter)):
        sentence = _("The trainer's own default does not fit any more, so give another: %(why)s")
        yield "default", sentence % {"why": misfit}


def misfit_of(value: object, parameter: Parameter) -> str:
    """Why the parameter does not take the value, or nothing."""
    open_parameter = parameter.model_copy(update={"locked": False, "required": True})
    try:
        values_model([open_parameter]).model_validate({parameter.name: value}, strict=True)
    except ValidationError as error:
        return sentence_of(error.errors()[0])
    return ""


def merged(name: str, offer: Offer, known: Parameter | None = None) -> Parameter:
    """The parameter as the form shows it: the trainer's, with what the site says laid over it."""
    said = {key: getattr(offer, key) for key in offer.model_fields_set - {"type", "required"}}
    if known is None:
        known = Parameter(name=name, type=offer.type or "string", label=name.replace("_", " "), basic=True)
        said["nullable"] = not offer.required and offer.default is None
    if offer.minimum is not None:
        said["exclusive_minimum"] = None
    if offer.maximum is not None:
        said["exclusive_maximum"] = None
    if "default" in said or offer.required:
        said |= {"required": offer.required, "default": offer.default}
    return known.model_copy(update=said)


UNFIT = gettext_noop("{input} does not fit here.")
SHAPES = SENTENCES | {
    "dict_type": gettext_noop("This must be a JSON object, not {input}."),
    "model_type": gettext_noop("This must be a JSON object, not {input}."),
    "list_type": gettext_noop("This must be a list, not {input}."),
    "literal_error": gettext_noop("{input} is not one of {expected}."),
    "string_too_short": gettext_noop("This text is empty."),
    "string_too_long": gettext_noop("This text is too long: it takes at most {max_length} characters."),
    "too_short": gettext_noop("This list is empty."),
    "too_long": gettext_noop("This list is too long: it takes at most {max_length} values."),
    "string_pattern_mismatch": gettext_noop(
        "{input} is not a name: use letters, digits and underscores, and begin with a letter."
    ),
}


def sentence_of(mistake: Any) -> str:
    if mistake["type"] == "extra_forbidden":
        return unknown_setting(mistake["loc"])
    if mistake["type"] == "scalar":
        return _(mistake["msg"]).replace("{input}", shown(mistake["input"]))
    template = re.sub(r"[“„]\{input\}[”“]", "{input}", _(SHAPES.get(mistake["type"], UNFIT)))
    limits = {key: f"{limit:g}" if isinstance(limit, float) else limit for key, limit in context_of(mistake, _).items()}
    return template.format(**limits | {"input": shown(mistake["input"])})


def path_of(mistake: Any) -> str:
    return ".".join(shown(part).strip("“”") for part in mistake["loc"] if part != "[key]")


def unknown_setting(loc: tuple[str | int, ...]) -> str:
    models: dict[int, type[BaseModel]] = {1: MethodConfig, 2: Resources, 3: Offer}
    model = models[len(loc)]
    names = list(model.model_fields)
    settings = _("The settings are %(names)s.") % {"names": ", ".join(names)}
    return " ".join(filter(None, (_("There is no such setting."), suggestion(str(loc[-1]), names), settings)))


def suggestion(name: str, names: list[str]) -> str:
    close = get_close_matches(name[:100], names, n=1)
    return _("Did you mean “%(name)s”?") % {"name": close[0]} if close else ""
