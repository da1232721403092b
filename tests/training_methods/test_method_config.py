"""A method's configuration, held against the trainer: every mistake, by its path, as a sentence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training_methods import catalog, config
from training_methods.catalog import TrainerInfo
from training_methods.config_text import BadJSON, parse
from training_methods.trainers import DataFormat, MethodType
from training_methods.trainers.parameters import Parameter

PARAMETERS = [
    Parameter(name="learning_rate", type="number", default=2e-4, exclusive_minimum=0, exclusive_maximum=1),
    Parameter(name="lora_rank", type="integer", default=8, minimum=1, maximum=256),
    Parameter(name="scheduler", type="string", default="cosine", choices=["cosine", "linear", "constant"]),
    Parameter(name="load_in_4bit", type="boolean", default=False),
    Parameter(name="max_steps", type="integer", nullable=True, minimum=1),
    Parameter(name="reward", type="string", required=True),
    Parameter(name="heads", type="integer", default=8, multiple_of=8),
]


def trainer(*, is_script: bool = False) -> TrainerInfo:
    return TrainerInfo(
        slug="lora",
        label="LoRA",
        doc="",
        method_type=MethodType.PEFT,
        data_formats=(DataFormat.TEXT,),
        parameters=PARAMETERS,
        is_script=is_script,
        source="built-in",
        file=None,
        version="1",
        code_hash="",
    )


def mistakes(**parameters) -> dict[str, str]:
    return config.check({"parameters": parameters}, trainer())


def the_mistake(**parameters) -> tuple[str, str]:
    ((path, sentence),) = mistakes(**parameters).items()
    return path.removeprefix("parameters."), sentence


def offer(name: str, *, is_script: bool = False, **given) -> Parameter:
    assert config.check({"parameters": {name: given}}, trainer(is_script=is_script)) == {}
    parameters = config.offered(trainer(is_script=is_script), {"parameters": {name: given}})
    return next(parameter for parameter in parameters if parameter.name == name)


def test_it_offers_what_the_trainer_offers_where_nothing_is_said():
    assert config.offered(trainer(), {}) == PARAMETERS
    assert config.check({}, trainer()) == {}


def test_it_lays_the_site_over_the_trainer():
    rank = offer("lora_rank", default=16, minimum=4, maximum=64, help="Ours", label="Rank")

    assert (rank.default, rank.minimum, rank.maximum, rank.help, rank.label) == (16, 4, 64, "Ours", "Rank")
    assert rank.type == "integer"


def test_it_says_a_bound_that_takes_the_place_of_an_exclusive_one():
    rate = offer("learning_rate", minimum=1e-6, maximum=1e-3)

    assert (rate.minimum, rate.exclusive_minimum) == (1e-6, None)
    assert (rate.maximum, rate.exclusive_maximum) == (1e-3, None)


def test_a_bound_need_not_be_a_multiple_but_a_default_must():
    assert offer("heads", maximum=100).maximum == 100

    assert the_mistake(heads={"default": 12}) == ("heads.default", "12 is no multiple of 8.")


def test_it_locks():
    assert offer("load_in_4bit", default=True, locked=True).locked
    assert offer("max_steps", locked=True).default is None


def test_it_asks_for_what_it_requires():
    rank = offer("lora_rank", required=True)

    assert (rank.required, rank.default) == (True, None)


def test_it_answers_what_the_trainer_requires():
    reward = offer("reward", default="length")

    assert (reward.required, reward.default) == (False, "length")


def test_it_adds_to_a_script_what_only_the_site_knows():
    epochs = offer("num_train_epoch", is_script=True, type="integer", label="Num Train Epochs", required=True)
    warmup = offer("warmup", is_script=True, type="number", default=0.1)
    tag = offer("tag", is_script=True, type="string")

    assert (epochs.type, epochs.required, epochs.nullable) == ("integer", True, False)
    assert (warmup.default, warmup.nullable) == (0.1, False)
    assert (tag.default, tag.nullable) == (None, True)


@pytest.mark.parametrize(
    ("name", "given", "path", "sentence"),
    [
        ("lora_rank", {"default": 0}, "lora_rank.default", "0 is too small: the least is 1."),
        ("lora_rank", {"default": 512}, "lora_rank.default", "512 is too large: the most is 256."),
        ("lora_rank", {"default": 32, "maximum": 16}, "lora_rank.default", "32 is too large: the most is 16."),
        ("lora_rank", {"default": "8"}, "lora_rank.default", "“8” is not a whole number."),
        ("lora_rank", {"default": 8.5}, "lora_rank.default", "8.5 is not a whole number."),
        ("lora_rank", {"default": True}, "lora_rank.default", "true is not a whole number."),
        ("lora_rank", {"default": None}, "lora_rank.default", "null is not a whole number."),
        ("lora_rank", {"default": [8]}, "lora_rank.default", "a list is no value of a parameter."),
        ("lora_rank", {"minimum": 0}, "lora_rank.minimum", "0 is too small: the least is 1."),
        ("lora_rank", {"maximum": 512}, "lora_rank.maximum", "512 is too large: the most is 256."),
        ("lora_rank", {"minimum": 1.5}, "lora_rank.minimum", "1.5 is not a whole number."),
        ("lora_rank", {"minimum": 8, "maximum": 4}, "lora_rank.minimum", "The minimum 8 is above the maximum 4."),
        ("lora_rank", {"choices": [8, 300]}, "lora_rank.choices.1", "300 is too large: the most is 256."),
        ("lora_rank", {"choices": []}, "lora_rank.choices", "This list is empty."),
        ("lora_rank", {"required": True, "default": 8}, "lora_rank.required", "left to the person"),
        ("lora_rank", {"minimum": 16}, "lora_rank.default", "own default does not fit any more"),
        ("lora_rank", {"type": "string"}, "lora_rank.type", "is of type integer, not string."),
        ("lora_rank", {"type": "float"}, "lora_rank.type", "“float” is not one of"),
        ("lora_rank", {"locked": "yes"}, "lora_rank.locked", "“yes” is neither true nor false."),
        ("lora_rank", {"label": 7}, "lora_rank.label", "7 is not text."),
        ("lora_rank", {"help": "x" * 1001}, "lora_rank.help", "too long: it takes at most 1000"),
        ("lora_rank", {"help": "a\0b"}, "lora_rank.help", "cannot be stored"),
        ("lora_rank", {"help": "\ud800"}, "lora_rank.help", "cannot be stored"),
        ("lora_rank", {"defualt": 8}, "lora_rank.defualt", "Did you mean “default”?"),
        ("lora_rank", 8, "lora_rank", "This must be a JSON object, not 8."),
        ("lora_rank", None, "lora_rank", "This must be a JSON object, not null."),
        ("learning_rate", {"minimum": 0}, "learning_rate.minimum", "0 is too small: it must be above 0."),
        ("learning_rate", {"default": 1e999}, "learning_rate.default", "Infinity is not a finite number."),
        ("learning_rate", {"maximum": float("nan")}, "learning_rate.maximum", "NaN is not a finite number."),
        ("learning_rate", {"default": 10**400}, "learning_rate.default", "…"),
        ("scheduler", {"choices": ["linear", "warp"]}, "scheduler.choices.1", "“warp” does not fit"),
        ("scheduler", {"choices": ["linear"]}, "scheduler.default", "own default does not fit any more"),
        ("scheduler", {"minimum": 1}, "scheduler.minimum", "A parameter of type string has no minimum."),
        ("load_in_4bit", {"default": 1}, "load_in_4bit.default", "1 is neither true nor false."),
        ("reward", {"locked": True}, "reward.locked", "A locked parameter needs a default."),
        ("lora_rnak", {"default": 8}, "lora_rnak", "has no parameter “lora_rnak”. Did you mean “lora_rank”?"),
        ("lora-rank", {"default": 8}, "lora-rank", "“lora-rank” is not a name"),
        ("", {"default": 8}, "", "“” is not a name"),
    ],
)
def test_it_names_the_mistake_and_its_path(name, given, path, sentence):
    found_path, found = the_mistake(**{name: given})

    assert found_path == path
    assert sentence in found


@pytest.mark.parametrize(
    ("given", "path", "sentence"),
    [
        ([], "", "This must be a JSON object, not a list."),
        ("{}", "", "This must be a JSON object, not “{}”."),
        (None, "", "This must be a JSON object, not null."),
        ({"parameter": {}}, "parameter", "Did you mean “parameters”?"),
        ({"parameters": []}, "parameters", "This must be a JSON object, not a list."),
        ({"resources": {"gpus": -1}}, "resources.gpus", "-1 is too small: the least is 0."),
        ({"resources": {"gpus": "2"}}, "resources.gpus", "“2” is not a whole number."),
        ({"resources": {"queue": "A b"}}, "resources.queue", "“A b” is not a name"),
        ({"resources": {"time_limit_minutes": 0}}, "resources.time_limit_minutes", "the least is 1."),
        ({"resources": {"memory": 1}}, "resources.memory", "Did you mean “memory_gb”? The settings are queue,"),
        ({"resources": {"memory_gb": 0}}, "resources.memory_gb", "0 is too small: the least is 0.1."),
    ],
)
def test_it_checks_the_rest(given, path, sentence):
    ((found_path, found),) = config.check(given, trainer()).items()

    assert found_path == path
    assert sentence in found


def test_it_finds_all_mistakes_at_once():
    found = config.check(
        {"parameters": {"lora_rank": {"default": 0}, "nope": {}, "scheduler": 3}, "resources": {"gpus": -1}}, trainer()
    )

    assert set(found) == {
        "parameters.lora_rank.default",
        "parameters.nope",
        "parameters.scheduler",
        "resources.gpus",
    }


@pytest.mark.parametrize(
    ("name", "given", "path", "sentence"),
    [
        ("epochs", {"default": 1}, "parameters.epochs.type", "needs a type: integer, number, boolean or string."),
        ("model_dump", {"type": "string"}, "parameters.model_dump", "cannot be the name of a parameter."),
        ("output_dir", {"type": "string"}, "parameters.output_dir", "cannot be the name of a parameter."),
        ("epochs", {"type": "integer", "default": "x"}, "parameters.epochs.default", "“x” is not a whole number."),
        ("epochs", {"type": "integer", "locked": True}, "parameters.epochs.locked", "needs a default"),
        ("epochs", {"type": "integer", "minimum": 3, "default": 1}, "parameters.epochs.default", "the least is 3."),
    ],
)
def test_it_checks_what_only_the_site_knows(name, given, path, sentence):
    ((found_path, found),) = config.check({"parameters": {name: given}}, trainer(is_script=True)).items()

    assert found_path == path
    assert sentence in found


@pytest.mark.parametrize(
    ("choices", "kind"),
    [(["a", "b"], "string"), ([8, 16], "integer"), ([0.5, 1], "number"), ([True, False], "boolean")],
)
def test_a_choice_is_of_the_type_of_its_choices(choices, kind):
    given = {"parameters": {"epochs": {"type": "choice", "choices": choices, "default": choices[0]}}}

    offered = {parameter.name: parameter for parameter in config.offered(trainer(is_script=True), given)}

    assert config.check(given, trainer(is_script=True)) == {}
    assert (offered["epochs"].type, offered["epochs"].choices) == (kind, choices)


def test_it_checks_what_it_can_without_the_trainer():
    assert config.check({"parameters": {"anything": {"default": 1}}}, None) == {}
    assert "parameters.x.defualt" in config.check({"parameters": {"x": {"defualt": 1}}}, None)


def test_its_example_is_a_good_one():
    assert config.check(parse(config.EXAMPLE), catalog.get("lora")) == {}


def test_it_says_what_a_job_needs():
    needs = config.resources({"resources": {"queue": "gpu", "gpus": 2, "time_limit_minutes": 60}})

    assert (needs.queue, needs.gpus, needs.time_limit_minutes) == ("gpu", 2, 60)
    assert config.resources({}).queue == "default"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["default", "minimum", "maximum", "choices", "type", "locked", "required", "label", "x"])
names = st.sampled_from(["lora_rank", "learning_rate", "scheduler", "reward", "max_steps", "other"]) | st.text(
    max_size=5
)


@given(parameters=st.dictionaries(names, st.dictionaries(keys, values, max_size=4) | values, max_size=3))
def test_it_has_a_sentence_for_whatever_is_written(parameters):
    given = {"parameters": parameters}

    found = config.check(given, trainer(is_script=True))

    assert all(isinstance(sentence, str) and 0 < len(sentence) < 400 for sentence in found.values())
    if not found:
        assert config.offered(trainer(is_script=True), given)
        json.dumps(given, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1,\n "b": }', "Line 2, column 7: this is not JSON"),
        ("{'a': 1}", "Line 1, column 2"),
        ('{"a": NaN}', "NaN is not a JSON value."),
        ('{"a": -Infinity}', "-Infinity is not a JSON value."),
        ('{"a": 1, "a": 2}', "The name “a” stands 2 times in one object."),
        ('{"a": ' + "9" * 5000 + "}", "too many digits"),
        ("[" * 30_000, "nested too deeply"),
        ("[" * 70_000, "it takes at most 65,536"),
    ],
)
def test_it_reads_json_strictly(text, sentence):
    with pytest.raises(BadJSON) as bad:
        parse(text)

    assert sentence in str(bad.value)
