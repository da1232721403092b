import json
import time
from decimal import Decimal
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from training_methods.trainers.rewards import (
    exact_match,
    json_schema,
    language,
    language_of,
    last_number,
    length,
    numeric_answer,
    regex,
    valid_json,
)

GSM8K = {"answer": "He sold 48/2 = <<48/2=24>>24 clips in May.\nTogether 48+24 = <<48+24=72>>72.\n#### 72"}


@pytest.mark.parametrize(("completion", "value"), [(" Paris\n", 1), ("paris", 0), ("Paris.", 0), ("", 0)])
def test_it_compares_answers_as_they_are(completion, value):
    assert exact_match(completion, {"answer": "Paris"}) == value


@pytest.mark.parametrize(
    ("completion", "value"),
    [
        ("24 + 48 = 72", 1),
        ("#### 72", 1),
        ("72.0 clips", 1),
        ("#### 72 (of 100)", 0),
        ("I know of 72 clips, or 71", 0),
        ("-72", 0),
        ("none", 0),
    ],
)
def test_it_compares_the_numbers_that_answers_end_on(completion, value):
    assert numeric_answer(completion, GSM8K) == value


def test_it_gives_nothing_where_there_is_no_number_at_all():
    assert numeric_answer("none", {"answer": "none"}) == 0


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9))
def test_it_reads_numbers_however_they_are_written(number):
    assert last_number(f"First 3, then {number:,}.") == number
    assert last_number(f"It costs ${number:.2f}") == number


def test_it_takes_a_hyphen_between_numbers_for_no_minus():
    assert last_number("pages 10-12") == Decimal(12)


def test_it_looks_for_a_pattern():
    assert regex("It is 72.", {}, r"\b\d+\b") == 1
    assert regex("It is.", {}, r"\d") == 0


def test_it_gives_up_on_a_pattern_that_goes_back_and_forth(capsys):
    started = time.monotonic()

    assert regex("a" * 60 + "b", {}, "(a+)+$") == 0

    assert time.monotonic() - started < 5
    assert "(a+)+$ was given up on after 1 s" in capsys.readouterr().out


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_it_knows_json(value):
    assert valid_json(json.dumps(value), {}) == 1


@pytest.mark.parametrize("text", ["", "{'a': 1}", '```json\n{"a": 1}\n```', "NaN", "[1,]", "[" * 100_000, "9" * 5000])
def test_it_knows_what_is_no_json(text):
    assert valid_json(text, {}) == 0


PERSON = """{
    "type": "object", "required": ["name"], "additionalProperties": false,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 9},
        "age": {"type": ["integer", "null"], "minimum": 0, "maximum": 150},
        "kind": {"enum": ["cat", 1]},
        "one": {"const": true},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2}
    }
}"""


@pytest.mark.parametrize(
    ("completion", "value"),
    [
        ('{"name": "Ada"}', 1),
        ('{"name": "Ada", "age": 36.0, "kind": 1, "one": true, "tags": ["x"]}', 1),
        ('{"name": "Ada", "age": null}', 1),
        ("Ada", 0),
        ('"Ada"', 0),
        ("{}", 0),
        ('{"name": ""}', 0),
        ('{"name": "Augusta Ada"}', 0),
        ('{"name": "Ada", "age": -1}', 0),
        ('{"name": "Ada", "age": 151}', 0),
        ('{"name": "Ada", "age": 1.5}', 0),
        ('{"name": "Ada", "age": true}', 0),
        ('{"name": "Ada", "age": 1e999}', 0),
        ('{"name": "Ada", "kind": "dog"}', 0),
        ('{"name": "Ada", "kind": true}', 0),
        ('{"name": "Ada", "one": 1}', 0),
        ('{"name": "Ada", "tags": []}', 0),
        ('{"name": "Ada", "tags": ["x", "y", "z"]}', 0),
        ('{"name": "Ada", "tags": [3]}', 0),
        ('{"name": "Ada", "more": 1}', 0),
    ],
)
def test_it_holds_json_against_a_schema(completion, value):
    assert json_schema(completion, {}, PERSON) == value


class Person(BaseModel):
    name: Annotated[str, Field(pattern="^[A-Z]")]
    home: "Address | None" = None
    friends: list["Person"] = []
    marks: dict[str, Annotated[float, Field(gt=0, lt=7, multiple_of=0.5)]] = {}
    born: tuple[int, Literal["summer", "winter"]] | None = None


class Address(BaseModel):
    model_config = ConfigDict(extra="forbid")
    street: str


@pytest.mark.parametrize(
    ("completion", "value"),
    [
        ('{"name": "Ada"}', 1),
        ('{"name": "Ada", "home": null, "more": 1}', 1),
        ('{"name": "Ada", "home": {"street": "Ockham Park"}}', 1),
        ('{"name": "Ada", "friends": [{"name": "Mary", "friends": [{"name": "Ada"}]}]}', 1),
        ('{"name": "Ada", "marks": {"sums": 1.5, "verse": 6.5}, "born": [1815, "winter"]}', 1),
        ('{"name": "ada"}', 0),
        ('{"name": "Ada", "home": {"street": "Ockham Park", "door": 1}}', 0),
        ('{"name": "Ada", "home": {}}', 0),
        ('{"name": "Ada", "friends": [{"name": "Mary", "friends": [{"name": "ada"}]}]}', 0),
        ('{"name": "Ada", "marks": {"sums": 0}}', 0),
        ('{"name": "Ada", "marks": {"sums": 7}}', 0),
        ('{"name": "Ada", "marks": {"sums": 1.2}}', 0),
        ('{"name": "Ada", "marks": {"sums": 1e999}}', 0),
        ('{"name": "Ada", "born": [1815, "spring"]}', 0),
        ('{"name": "Ada", "born": [1815, "winter", 1]}', 0),
    ],
)
def test_it_holds_json_against_what_pydantic_writes(completion, value):
    assert json_schema(completion, {}, json.dumps(Person.model_json_schema())) == value


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ('{"oneOf": [{"type": "integer"}, {"minimum": 3}]}', ["2", "3.5", '"a"'], ["4", "2.5"]),
        ('{"not": {"type": "null"}}', ["1"], ["null"]),
        ('{"allOf": [{"minimum": 1}, {"maximum": 2}]}', ["1", "2"], ["0", "3"]),
        ('{"uniqueItems": true}', ["[1, true, 2]"], ["[1, 2, 1.0]"]),
        ('{"uniqueItems": false}', ["[1, 1]"], []),
        ('{"prefixItems": [{"type": "string"}], "items": false}', ["[]", '["a"]'], ["[1]", '["a", "b"]']),
        ('{"minProperties": 1, "maxProperties": 2}', ['{"a": 1}'], ["{}", '{"a": 1, "b": 2, "c": 3}']),
        ('{"properties": {"a": false}}', ["{}"], ['{"a": 1}']),
        ('{"definitions": {"a/b": {"type": "null"}}, "$ref": "#/definitions/a~1b"}', ["null"], ["1"]),
        ('{"type": "array", "items": {"$ref": "#"}}', ["[[], [[]]]"], ["[[], [1]]", "[" * 900 + "]" * 900]),
    ],
)
def test_it_knows_the_other_words_of_json_schema(schema, right, wrong):
    assert [json_schema(answer, {}, schema) for answer in right] == [1.0] * len(right)
    assert [json_schema(answer, {}, schema) for answer in wrong] == [0.0] * len(wrong)


def test_it_gives_up_on_a_schema_whose_pattern_goes_back_and_forth(capsys):
    assert json_schema(json.dumps("a" * 40 + "b"), {}, '{"pattern": "^(a+)+$"}') == 0

    assert "was given up on after 1 s; the answer counts as 0." in capsys.readouterr().out


def test_it_prefers_answers_nearer_to_the_wanted_length():
    values = [length("a" * characters, {}, 20, 80) for characters in (0, 10, 20, 80, 160, 800)]

    assert values == [0, 0.5, 1, 1, 0.5, 0.1]


@given(st.text(), st.integers(1, 50), st.integers(0, 50))
def test_it_rates_length_between_nothing_and_one(text, least, more):
    assert 0 <= length(text, {}, least, least + more) <= 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The capital of France is Paris, and it is on the Seine.", "en"),
        ("Die Hauptstadt von Frankreich ist Paris, und sie liegt an der Seine.", "de"),
        ("La capitale de la France est Paris, et elle est sur la Seine.", "fr"),
        ("La capital de Francia es París y está en el río Sena, con los puentes.", "es"),
        ("La capitale della Francia è Parigi, che si trova sulla Senna.", "it"),
        ("A capital da França é Paris, e não fica no mar.", "pt"),
        ("De hoofdstad van Frankrijk is Parijs en het ligt aan de Seine.", "nl"),
        ("Столица Франции — Париж.", "ru"),
        ("法国的首都是巴黎。", "zh"),
        ("フランスの首都はパリです。", "ja"),
        ("프랑스의 수도는 파리입니다.", "ko"),
        ("12 + 5 = 17", None),
        ("", None),
    ],
)
def test_it_tells_languages_apart(text, code):
    assert language_of(text) == code
    assert language(text, {}, "en") == (code == "en")
