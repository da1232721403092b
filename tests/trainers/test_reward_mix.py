import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training_methods.trainers.reward_mix import BadRewards, parse


def test_it_reads_names_arguments_and_weights():
    one, two, three = parse("""exact_match, length(20, 80): 0.2, regex("^a, (b)$") : -2""")

    assert (one.curve, one.weight) == ("exact_match", 1.0)
    assert (two.curve, two.weight) == ("length(20, 80)", 0.2)
    assert (three.arguments, three.weight) == (("^a, (b)$",), -2.0)
    assert three.of("a, b", {}) == 1


@pytest.mark.parametrize("pattern", [r"\d+", "a:b", "(,)", "it's", r"\(", "a,b: 3"])
def test_it_takes_a_pattern_as_it_stands(pattern):
    (reward,) = parse(f'regex("{pattern}"): 0.5')

    assert (reward.arguments, reward.weight) == ((pattern,), 0.5)


def test_it_holds_no_pattern_against_a_text_while_it_reads():
    """This one would take hours on the shortest there is."""
    (reward,) = parse("regex('(?:(?:(?:|a){2000}){2000}){2000}')")

    assert reward.arguments == ("(?:(?:(?:|a){2000}){2000}){2000}",)


def test_it_takes_a_schema_as_it_stands():
    (reward,) = parse("""json_schema('{"type": "object", "required": ["a", "b"]}'): 0.5""")

    assert (reward.of('{"a": 1, "b": 2}', {}), reward.of('{"a": 1}', {}), reward.weight) == (1, 0, 0.5)


def test_it_cuts_long_arguments_in_the_name_of_a_curve():
    (reward,) = parse(f"regex('{'a' * 100}')")

    assert reward.curve == f"regex({'a' * 60}…)"


def test_it_leaves_names_it_does_not_know_to_the_run():
    (reward,) = parse('politeness("please", 2): 0.1')

    assert reward.function is None
    assert reward.arguments == ("please", 2)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "names no reward: write for example"),
        ("exact match", "cannot be read at “exact match”"),
        ("exact_match:", "gives exact_match the weight “”, which is not a number"),
        ("exact_match: high", "gives exact_match the weight “high”, which is not a number"),
        ("exact_match: nan", "gives exact_match the weight “nan”, which is not a number"),
        ("exact_match: 0", "gives exact_match the weight 0: leave it out instead"),
        ("exact_match, , valid_json", "has a comma with nothing behind or before it"),
        ("valid_json, valid_json: 2", "names valid_json twice"),
        ("valid_json(3)", "has valid_json(3), and valid_json takes nothing in brackets"),
        ("length(20)", "has length(20), and length takes least (a whole number), most (a whole number)"),
        ("length('a', 'b')", "has length(a, b), and length takes least (a whole number), most (a whole number)"),
        ("length(80, 20)", "has length(80, 20), and length(80, 20) has no room"),
        ("regex([0-9])", "gives regex “[0-9]”, which is neither a number nor text in quotation marks"),
        ("regex('(')", "has the pattern “(”, which is none: missing )"),
        ("language('xx')", "language knows no “xx”: it knows ar, de"),
        ("json_schema('{')", "its schema is not JSON"),
        ("json_schema('[]')", "[] stands where a schema in curly brackets is needed"),
        ("""json_schema('{"if": {}}')""", "its schema says “if”: only type, enum"),
        ("""json_schema('{"oneOf": []}')""", "its schema gives “oneOf” [], which makes no sense there"),
        ("""json_schema('{"not": []}')""", "[] stands where a schema in curly brackets is needed"),
        ("""json_schema('{"pattern": "("}')""", 'its schema gives “pattern” "(", which makes no sense there'),
        ("""json_schema('{"multipleOf": 0}')""", "its schema gives “multipleOf” 0, which makes no sense there"),
        ("""json_schema('{"$ref": "#/$defs/Cat"}')""", "its schema refers to “#/$defs/Cat”: only what stands under"),
        ("""json_schema('{"$ref": "other.json"}')""", "its schema refers to “other.json”: only what stands under"),
        ("""json_schema('{"anyOf": [{"$ref": "#"}]}')""", "its schema refers to itself without an end"),
        ("json_schema('" + '{"not": ' * 5000 + "{}" + "}" * 5000 + "')", "its schema is nested too deeply"),
        (
            """json_schema('{"items": {"type": "text"}}')""",
            'its schema gives “type” "text", which makes no sense there',
        ),
        ("""json_schema('{"properties": []}')""", "its schema gives “properties” [], which makes no sense"),
        ("""json_schema('{"type": []}')""", "its schema gives “type” [], which makes no sense"),
        ("regex('a'", "cannot be read at “regex('a'”"),
    ],
)
def test_it_names_the_mistake(text, mistake):
    with pytest.raises(BadRewards) as caught:
        parse(text)

    assert mistake in str(caught.value)


def test_it_names_every_mistake_at_once():
    with pytest.raises(BadRewards) as caught:
        parse("length(20), exact_match: x, language('xx')")

    assert str(caught.value).count("; it ") == 2


@given(st.text(alphabet="abc_(),:'\"1.- \n", max_size=40) | st.text())
def test_it_understands_or_refuses_whatever_is_written(text):
    try:
        assert parse(text)
    except BadRewards as error:
        assert str(error)


def test_it_reads_patterns_outside_the_main_thread_too():
    read = []
    thread = threading.Thread(target=lambda: read.extend(parse("regex('a+')")))

    thread.start()
    thread.join()

    assert read[0].arguments == ("a+",)
