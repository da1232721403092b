"""JSON Schema as far as answers are rated by it: the keywords of RULES. A schema with others is refused as a whole."""

import json
from collections.abc import Callable
from typing import Any

Schema = dict[str, Any]

TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: TYPES["number"](value) and (isinstance(value, int) or value.is_integer()),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
COMMENTS = ("$schema", "$id", "$comment", "title", "description", "default", "examples")


def parse(text: str) -> Schema:
    """The schema in a text. Raises ValueError."""
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its schema is not JSON: {error}") from None
    check(schema)
    return schema


def check(schema: Any) -> None:
    if not isinstance(schema, dict):
        raise ValueError(f"{json.dumps(schema)} stands where a schema in curly brackets is needed")
    for keyword, given in schema.items():
        if keyword not in RULES and keyword not in COMMENTS:
            raise ValueError(f"its schema says “{keyword}”: only {', '.join(RULES)} are known here")
        if keyword in SHAPES and not SHAPES[keyword](given):
            raise ValueError(f"its schema gives “{keyword}” {json.dumps(given)}, which makes no sense there")
    for inner in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        check(inner)


def fits(value: Any, schema: Schema) -> bool:
    return all(RULES[keyword](value, given, schema) for keyword, given in schema.items() if keyword in RULES)


def has_type(value: Any, wanted: str | list[str], schema: Schema) -> bool:
    return any(TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


def same(left: Any, right: Any) -> bool:
    """Equal as JSON is: 1 is 1.0, and true is not 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True) or (
        TYPES["number"](left) and TYPES["number"](right) and left == right
    )


# A rule for strings lets pass what is none, and so on: a schema that wants a string says its type.
RULES: dict[str, Callable[[Any, Any, Schema], bool]] = {
    "type": has_type,
    "enum": lambda value, allowed, schema: any(same(value, one) for one in allowed),
    "const": lambda value, wanted, schema: same(value, wanted),
    "required": lambda value, names, schema: not isinstance(value, dict) or set(names) <= value.keys(),
    "properties": lambda value, inner, schema: (
        not isinstance(value, dict) or all(fits(value[name], inner[name]) for name in inner.keys() & value.keys())
    ),
    "additionalProperties": lambda value, allowed, schema: (
        allowed or not isinstance(value, dict) or value.keys() <= schema.get("properties", {}).keys()
    ),
    "items": lambda value, inner, schema: not isinstance(value, list) or all(fits(entry, inner) for entry in value),
    "minItems": lambda value, least, schema: not isinstance(value, list) or len(value) >= least,
    "maxItems": lambda value, most, schema: not isinstance(value, list) or len(value) <= most,
    "minLength": lambda value, least, schema: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda value, most, schema: not isinstance(value, str) or len(value) <= most,
    "minimum": lambda value, least, schema: not TYPES["number"](value) or value >= least,
    "maximum": lambda value, most, schema: not TYPES["number"](value) or value <= most,
}


def is_count(given: Any) -> bool:
    return TYPES["integer"](given) and given >= 0


def is_names(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(name, str) for name in given)


SHAPES: dict[str, Callable[[Any], bool]] = {
    "type": lambda given: (
        given in TYPES if isinstance(given, str) else is_names(given) and len(given) > 0 and set(given) <= TYPES.keys()
    ),
    "enum": TYPES["array"],
    "required": is_names,
    "properties": TYPES["object"],
    "additionalProperties": TYPES["boolean"],
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), is_count),
    **dict.fromkeys(("minimum", "maximum"), TYPES["number"]),
}
