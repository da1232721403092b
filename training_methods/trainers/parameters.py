"""A trainer's hyperparameters as data: read off its pydantic fields, merged with a site's offer, checked as a whole."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from training_methods.trainers import reward_mix

Language = Callable[[str], str]
"""Says a sentence of this module otherwise, before values are filled in: the console's is gettext."""

ParameterType = Literal["integer", "number", "boolean", "string"]
ModelKind = Literal["causal-lm", "reward"]
MODELS_OF_THE_SITE: dict[ModelKind, str] = {
    "causal-lm": "A language model of this site",
    "reward": "A reward model of this site",
}
BOUNDS = {
    ("at least", "at most"): "From {low} to {high}",
    ("at least", "below"): "At least {low}, below {high}",
    ("above", "at most"): "Above {low}, at most {high}",
    ("above", "below"): "Above {low}, below {high}",
    ("at least", ""): "At least {low}",
    ("above", ""): "Above {low}",
    ("", "at most"): "At most {high}",
    ("", "below"): "Below {high}",
}
OR = " or "
PYTHON_TYPES: dict[ParameterType, type] = {"integer": int, "number": float, "boolean": bool, "string": str}


class Parameter(BaseModel):
    """One hyperparameter, with all that a form, a command or the documentation needs to know of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: ParameterType
    label: str = ""
    help: str = ""
    default: Any = None
    required: bool = Field(False, description="There is no default: somebody has to give a value")
    nullable: bool = Field(False, description="No value at all (None) has a meaning of its own")
    locked: bool = Field(False, description="The site's default stands and nobody may give another value")
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    choices: list[Any] | None = None
    grammar: Literal["rewards"] | None = Field(None, description="How its text is written, where not any text will do")
    refers_to: ModelKind | None = Field(None, description="Its text names a base model of this kind")
    group: str = Field("Training", description="The heading it stands under")
    basic: bool = Field(False, description="Shown at once, not only under “All settings”")

    @classmethod
    def of_field(cls, name: str, schema: dict[str, Any], *, required: bool) -> Self:
        """From the JSON schema that pydantic gives a field. Raises TypeError for one that no form could show."""
        options = schema.get("anyOf", [schema])
        kinds = [option for option in options if option.get("type") != "null"]
        if len(kinds) != 1 or kinds[0].get("type") not in PYTHON_TYPES:
            raise TypeError(f"The field “{name}” is none of int, float, bool, str or Literal, nor one of them or None.")
        given = kinds[0]
        if "refers_to" in schema and given["type"] != "string":
            raise TypeError(f"The field “{name}” refers to a base model by its name, so it has to be text (str).")
        return cls(
            name=name,
            type=given["type"],
            label=schema.get("title", name),
            help=schema.get("description", ""),
            default=schema.get("default"),
            required=required,
            nullable=len(options) > 1,
            minimum=given.get("minimum"),
            maximum=given.get("maximum"),
            exclusive_minimum=given.get("exclusiveMinimum"),
            exclusive_maximum=given.get("exclusiveMaximum"),
            multiple_of=given.get("multipleOf"),
            min_length=given.get("minLength"),
            max_length=given.get("maxLength"),
            pattern=given.get("pattern"),
            choices=given.get("enum") or ([given["const"]] if "const" in given else None),
            **{key: schema[key] for key in ("grammar", "refers_to", "group", "basic") if key in schema},
        )

    @property
    def inclusive_bounds(self) -> tuple[float | None, float | None]:
        """The bounds as HTML has them, which knows no “above”: the next whole number, or the bound itself."""
        next_one = 1 if self.type == "integer" else 0
        low, high = self.minimum, self.maximum
        if self.exclusive_minimum is not None:
            low = self.exclusive_minimum + next_one
        if self.exclusive_maximum is not None:
            high = self.exclusive_maximum - next_one
        return plain(low), plain(high)

    @property
    def bounds(self) -> str:
        """“From 1 to 8”, “At least 1”, “Above 0, below 1”. Of whole numbers there is always a first and a last."""
        return self.bounds_in(str)

    def bounds_in(self, language: Language, written: Callable[[float | None], str] = str) -> str:
        low, high = self.inclusive_bounds
        is_open = self.type != "integer"
        above = "above" if is_open and self.exclusive_minimum is not None else "at least"
        below = "below" if is_open and self.exclusive_maximum is not None else "at most"
        words = BOUNDS.get(("" if low is None else above, "" if high is None else below), "")
        return language(words).format(low=written(low), high=written(high)) if words else ""

    def allowed_in(self, language: Language, written: Callable[[float | None], str] = str) -> str:
        """Its choices or its bounds, in words."""
        if self.refers_to and not self.choices:
            return language(MODELS_OF_THE_SITE[self.refers_to])
        return ", ".join(map(str, self.choices)) if self.choices else self.bounds_in(language, written)

    def field(self) -> tuple[Any, Any]:
        """The pydantic field that accepts this parameter's values."""
        demands: dict[str, Any] = {
            "ge": self.minimum,
            "le": self.maximum,
            "gt": self.exclusive_minimum,
            "lt": self.exclusive_maximum,
            "multiple_of": plain(self.multiple_of),
            "min_length": self.min_length,
            "max_length": self.max_length,
            "pattern": self.pattern,
        }
        given = {key: value for key, value in demands.items() if value is not None}
        allowed = [self.default] if self.locked else self.choices
        kind: Any = PYTHON_TYPES[self.type]
        kind = Annotated[kind, Field(**given)] if given else kind
        kind = Annotated[kind, AfterValidator(parsable)] if self.grammar == "rewards" else kind
        kind = kind | None if self.nullable else kind
        kind = Annotated[kind, AfterValidator(partial(one_of, allowed))] if allowed is not None else kind
        return kind, (... if self.required else self.default)


def one_of(allowed: list[Any], value: Any) -> Any:
    if value not in allowed:
        raise PydanticCustomError("not_offered", "It is not offered.", {"offered": [str(choice) for choice in allowed]})
    return value


def plain(number: float | None) -> float | None:
    """1.0 as 1; pydantic keeps every bound as a float."""
    return int(number) if number is not None and number.is_integer() else number


def parsable(rewards: str) -> str:
    reward_mix.parse(rewards)
    return rewards


def parameters_of(trainer: type[BaseModel]) -> list[Parameter]:
    """A trainer's hyperparameters, in the order of its fields."""
    schema = trainer.model_json_schema()
    definitions, required = schema.get("$defs", {}), schema.get("required", [])
    made = {name: made_default(name, field) for name, field in trainer.model_fields.items() if field.default_factory}
    found = [
        Parameter.of_field(name, resolve(field, definitions) | made.get(name, {}), required=name in required)
        for name, field in schema["properties"].items()
    ]
    if trainer.model_config.get("regex_engine") != "python-re":
        return found
    return [one.model_copy(update={"pattern": None}) for one in found]  # may take for ever here: its run checks it


def made_default(name: str, field: FieldInfo) -> dict[str, Any]:
    """What the field's factory makes, which its schema leaves out. Raises TypeError if that depends on other fields."""
    if field.default_factory_takes_validated_data:
        raise TypeError(f"The default of “{name}” is made of other fields, which no form could show.")
    return {"default": field.get_default(call_default_factory=True)}


def check_defaults(trainer: type[BaseModel]) -> None:
    """Raises ValueError for a default that could not be given, which would make every run fail."""
    check_values(values_model([parameter for parameter in parameters_of(trainer) if not parameter.required]))
    check_values(fields_with_default(trainer))


def fields_with_default(trainer: type[BaseModel]) -> type[BaseModel]:
    """With all that a field demands of its value: a form knows nothing of a validator of its own."""
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in trainer.model_fields.items() if not field.is_required()
    }
    return create_model("Defaults", __config__=trainer.model_config, **fields)


def check_values(defaults: type[BaseModel]) -> None:
    try:
        defaults()
    except ValidationError as error:
        wrong = (f"The default of “{name}” does not fit. {sentence}" for name, sentence in mistakes(error).items())
        raise ValueError(" ".join(wrong)) from None


def resolve(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A field's schema with the enumeration it refers to written out."""
    reference = field.get("$ref", "").removeprefix("#/$defs/")
    return {**definitions[reference], **field} if reference else field


def values_model(parameters: list[Parameter]) -> type[BaseModel]:
    """A pydantic model that checks a whole set of values and fills in the defaults."""
    fields: dict[str, Any] = {parameter.name: parameter.field() for parameter in parameters}
    return create_model(
        "Hyperparameters",
        __config__=ConfigDict(extra="forbid", validate_default=True, allow_inf_nan=False, protected_namespaces=()),
        **fields,
    )


UNKNOWN = "There is no such parameter."
SENTENCES = {
    "missing": "A value is needed.",
    "extra_forbidden": UNKNOWN,
    "int_parsing": "“{input}” is not a whole number.",
    "int_type": "“{input}” is not a whole number.",
    "int_from_float": "“{input}” is not a whole number.",
    "float_parsing": "“{input}” is not a number.",
    "float_type": "“{input}” is not a number.",
    "finite_number": "“{input}” is not a finite number.",
    "bool_parsing": "“{input}” is neither true nor false.",
    "bool_type": "“{input}” is neither true nor false.",
    "string_type": "“{input}” is not text.",
    "greater_than": "{input} is too small: it must be above {gt}.",
    "greater_than_equal": "{input} is too small: the least is {ge}.",
    "less_than": "{input} is too large: it must be below {lt}.",
    "less_than_equal": "{input} is too large: the most is {le}.",
    "multiple_of": "{input} is no multiple of {multiple_of}.",
    "string_too_short": "“{input}” is too short: the fewest characters are {min_length}.",
    "string_too_long": "“{input}” is too long: the most characters are {max_length}.",
    "string_pattern_mismatch": "“{input}” does not match the pattern “{pattern}”.",
    "not_offered": "“{input}” does not fit: it must be {offered}.",
    "value_error": "“{input}” does not fit: it {error}.",
}


def mistakes(error: ValidationError, language: Language = str) -> dict[str, str]:
    """Every mistake, by the dotted path of its field, as a sentence that names the value."""
    return {".".join(map(str, mistake["loc"])): sentence_of(mistake, language) for mistake in error.errors()}


def in_lines(wrong: Mapping[str, str], parameters: Iterable[Parameter]) -> str:
    """The mistakes for a terminal; behind a name that nobody knows those that there are."""
    lines = [f"{name}: {sentence}" for name, sentence in wrong.items()]
    if UNKNOWN in wrong.values():
        lines.append(f"There are: {', '.join(parameter.name for parameter in parameters)}.")
    return "\n".join(lines)


def sentence_of(mistake: Any, language: Language) -> str:
    if mistake["type"] not in SENTENCES:
        return language(mistake["msg"])
    return language(SENTENCES[mistake["type"]]).format(input=mistake["input"], **context_of(mistake, language))


def context_of(mistake: Any, language: Language) -> dict[str, Any]:
    """What a sentence names beside the value."""
    known = dict(mistake.get("ctx", {}))
    if "offered" in known:
        known["offered"] = language(OR).join(known["offered"])
    if "error" in known:
        known["error"] = language(str(known["error"]))
    return known
