"""JSON Schema as far as answers are rated by it: the keywords of RULES. A schema with others is refused as a whole."""

import json
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
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
COMMENTS = ("$schema", "$id", "$comment", "title", "description", "default", "examples", "format", "deprecated")
DEFINITIONS = ("$defs", "definitions")
CHOICES = ("anyOf", "allOf", "oneOf")


def parse(text: str) -> Schema:
    """The schema in a text, each `$ref` in it replaced by what it refers to. Raises ValueError."""
    try:
        schema = json.loads(text)
        if not isinstance(schema, dict):
            raise ValueError(no_schema(schema))
        check(schema)
        link(schema, schema)
        check_ends(schema, set())
    except json.JSONDecodeError as error:
        raise ValueError(f"its schema is not JSON: {error}") from None
    except RecursionError:
        raise ValueError("its schema is nested too deeply") from None
    return schema


def no_schema(given: Any) -> str:
    return f"{json.dumps(given)} stands where a schema in curly brackets is needed"


def check(schema: Any) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise ValueError(no_schema(schema))
    for keyword, given in schema.items():
        if keyword not in (*RULES, *DEFINITIONS, *COMMENTS):
            raise ValueError(f"its schema says “{keyword}”: only {', '.join(RULES)} are known here")
        if keyword in SHAPES and not SHAPES[keyword](given):
            raise ValueError(f"its schema gives “{keyword}” {json.dumps(given)}, which makes no sense there")
    for inner in parts(schema):
        check(inner)


def parts(schema: Any) -> Iterator[Any]:
    """The schemas that stand in a schema."""
    if isinstance(schema, dict):
        for keyword in ("properties", *DEFINITIONS):
            yield from schema.get(keyword, {}).values()
        for keyword in (*CHOICES, "prefixItems"):
            yield from schema.get(keyword, [])
        yield from (schema[keyword] for keyword in ("items", "additionalProperties", "not") if keyword in schema)


def link(schema: Any, root: Schema) -> None:
    for inner in parts(schema):
        link(inner, root)
    if isinstance(schema, dict) and "$ref" in schema:
        schema["$ref"] = definition(schema["$ref"], root)


def definition(place: str, root: Schema) -> Any:
    if place == "#":
        return root
    for keyword in DEFINITIONS:
        name = place.removeprefix(f"#/{keyword}/").replace("~1", "/").replace("~0", "~")
        if place.startswith(f"#/{keyword}/") and name in root.get(keyword, {}):
            return root[keyword][name]
    raise ValueError(f"its schema refers to “{place}”: only what stands under its own $defs can be referred to")


def check_ends(schema: Any, done: set[int], within: tuple[int, ...] = ()) -> None:
    """A schema may refer to itself for a part of a value, not for that very value. Raises ValueError."""
    if id(schema) in within:
        raise ValueError("its schema refers to itself without an end")
    if not isinstance(schema, dict) or id(schema) in done:
        return
    choices = [one for keyword in CHOICES for one in schema.get(keyword, [])]
    for inner in (*choices, schema.get("not"), schema.get("$ref")):
        check_ends(inner, done, (*within, id(schema)))
    done.add(id(schema))
    for inner in parts(schema):
        check_ends(inner, done)


def fits(value: Any, schema: Schema | bool) -> bool:
    if isinstance(schema, bool):
        return schema
    return all(RULES[keyword](value, given, schema) for keyword, given in schema.items() if keyword in RULES)


def has_type(value: Any, wanted: str | list[str], schema: Schema) -> bool:
    return any(TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


def same(left: Any, right: Any) -> bool:
    """Equal as JSON is: 1 is 1.0, and true is not 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True) or (
        TYPES["number"](left) and TYPES["number"](right) and left == right
    )


def further_ones_fit(value: Any, wanted: Schema | bool, schema: Schema) -> bool:
    if not isinstance(value, dict):
        return True
    return all(fits(value[name], wanted) for name in value.keys() - schema.get("properties", {}).keys())


def later_ones_fit(value: Any, wanted: Schema | bool, schema: Schema) -> bool:
    first = len(schema.get("prefixItems", []))
    return not isinstance(value, list) or all(fits(entry, wanted) for entry in value[first:])


def are_unique(value: Any, wanted: bool, schema: Schema) -> bool:
    if not (wanted and isinstance(value, list)):
        return True
    return not any(same(entry, earlier) for at, entry in enumerate(value) for earlier in value[:at])


def is_multiple(value: Any, of: float, schema: Schema) -> bool:
    return not TYPES["number"](value) or (math.isfinite(value) and Decimal(str(value)) % Decimal(str(of)) == 0)


# A rule for strings lets pass what is none, and so on: a schema that wants a string says its type.
RULES: dict[str, Callable[[Any, Any, Schema], bool]] = {
    "type": has_type,
    "enum": lambda value, allowed, schema: any(same(value, one) for one in allowed),
    "const": lambda value, wanted, schema: same(value, wanted),
    "required": lambda value, names, schema: not isinstance(value, dict) or set(names) <= value.keys(),
    "properties": lambda value, inner, schema: (
        not isinstance(value, dict) or all(fits(value[name], inner[name]) for name in inner.keys() & value.keys())
    ),
    "additionalProperties": further_ones_fit,
    "minProperties": lambda value, least, schema: not isinstance(value, dict) or len(value) >= least,
    "maxProperties": lambda value, most, schema: not isinstance(value, dict) or len(value) <= most,
    "prefixItems": lambda value, inner, schema: (
        not isinstance(value, list) or all(fits(*pair) for pair in zip(value, inner, strict=False))
    ),
    "items": later_ones_fit,
    "minItems": lambda value, least, schema: not isinstance(value, list) or len(value) >= least,
    "maxItems": lambda value, most, schema: not isinstance(value, list) or len(value) <= most,
    "uniqueItems": are_unique,
    "minLength": lambda value, least, schema: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda value, most, schema: not isinstance(value, str) or len(value) <= most,
    "pattern": lambda value, pattern, schema: not isinstance(value, str) or re.search(pattern, value) is not None,
    "minimum": lambda value, least, schema: not TYPES["number"](value) or value >= least,
    "maximum": lambda value, most, schema: not TYPES["number"](value) or value <= most,
    "exclusiveMinimum": lambda value, bound, schema: not TYPES["number"](value) or value > bound,
    "exclusiveMaximum": lambda value, bound, schema: not TYPES["number"](value) or value < bound,
    "multipleOf": is_multiple,
    "anyOf": lambda value, inner, schema: any(fits(value, one) for one in inner),
    "allOf": lambda value, inner, schema: all(fits(value, one) for one in inner),
    "oneOf": lambda value, inner, schema: sum(fits(value, one) for one in inner) == 1,
    "not": lambda value, inner, schema: not fits(value, inner),
    "$ref": lambda value, inner, schema: fits(value, inner),
}


def is_count(given: Any) -> bool:
    return TYPES["integer"](given) and given >= 0


def is_names(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(name, str) for name in given)


def is_pattern(given: Any) -> bool:
    try:
        return isinstance(given, str) and bool(re.compile(given))
    except (re.error, RecursionError, OverflowError):
        return False


SHAPES: dict[str, Callable[[Any], bool]] = {
    "type": lambda given: (
        given in TYPES if isinstance(given, str) else is_names(given) and len(given) > 0 and set(given) <= TYPES.keys()
    ),
    "enum": TYPES["array"],
    "required": is_names,
    **dict.fromkeys(("properties", *DEFINITIONS), TYPES["object"]),
    **dict.fromkeys((*CHOICES, "prefixItems"), lambda given: isinstance(given, list) and len(given) > 0),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"), is_count),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), TYPES["number"]),
    "multipleOf": lambda given: TYPES["number"](given) and given > 0,
    "uniqueItems": TYPES["boolean"],
    "pattern": is_pattern,
    "$ref": TYPES["string"],
}
