import json

import pytest

from training_methods.trainers.base import Run, TrainingError
from training_methods.trainers.rewards import BUILT_IN

OWN = """
import re

def politeness(completion, row, word):
    return float(word in completion)

def level(completion, row):
    return row["level"]

def broken(completion, row):
    return 1 / 0

def shy(completion, row):
    return None
"""


@pytest.fixture
def prompts():
    from training_methods.trainers import prompts

    return prompts


@pytest.fixture
def tokenizer(tiny_model):
    from training_methods.trainers import hugging_face

    return hugging_face.load_tokenizer(tiny_model)


@pytest.fixture
def run_of(tmp_path, tiny_model):
    """Makes a run in this process, for rows that are prompts."""
    made: list[Run] = []

    def make(rows=({"prompt": "Say a", "answer": "a"},), own=None, data_format="prompt", **spec) -> Run:
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        if own is not None:
            (tmp_path / "rewards.py").write_text(own)
            spec["rewards_file"] = tmp_path / "rewards.py"
        dataset = {"path": tmp_path / "rows.jsonl", "data_format": data_format}
        given = {"trainer": "grpo", "parameters": {}, "base_model": tiny_model, "dataset": dataset, **spec}
        given |= {"output": tmp_path / "output", "checkpoints": tmp_path / "checkpoints"}
        (tmp_path / "run.json").write_text(json.dumps(given, default=str))
        made.append(Run(tmp_path))
        return made[-1]

    yield make
    for run in made:
        run.events.close()


def load(prompts, run, tokenizer, text="length(1, 4)", **limits):
    rewards = prompts.load_rewards(text, run)
    limits = {"max_prompt_length": 64, "max_samples": None, "prompts_a_step": 1, **limits}
    return prompts.load(run, tokenizer, rewards, **limits)


def test_it_rates_answers_by_functions_of_your_own(prompts, run_of):
    run = run_of(own=OWN)
    one, two = prompts.load_rewards("politeness('please'): 0.5, level", run)

    rate = prompts.as_function(one)

    assert rate(completions=["Yes, please.", "No."], row=["{}", "{}"]) == [1, 0]
    assert rate.__name__ == "politeness(please)"
    assert prompts.as_function(two)(completions=[[{"role": "assistant", "content": "a"}]], row=['{"level": 3}']) == [3]


@pytest.mark.parametrize(
    ("text", "own", "mistake", "hint"),
    [
        ("", None, "The text of rewards “” does not fit: it names no reward: write for example", ""),
        ("length(5)", None, "does not fit: it has length(5), and length takes least", ""),
        ("polite", None, "There is no reward “polite”.", f"There are {', '.join(BUILT_IN)}."),
        ("polite", OWN, "There is no reward “polite”.", "politeness, level, broken, shy"),
        ("politeness", OWN, "it has politeness, and politeness takes word (a value)", ""),
        ("brief", "def brief(completions, **columns): ...", "it has brief, which does not rate one answer", ""),
        ("brief", "def brief(prompts, completions): ...", "it has brief, which does not rate one answer", ""),
        ("brief", "def brief(completion): ...", "let it take (completion, row)", ""),
        ("politeness", "import re\noops\n", "do not load: rewards.py, line 2: NameError: name 'oops' is not", ""),
        ("politeness", "def politeness(:", "do not load: rewards.py, line 1: SyntaxError", ""),
    ],
)
def test_it_names_what_is_wrong_with_the_rewards(prompts, run_of, text, own, mistake, hint):
    with pytest.raises(TrainingError) as caught:
        prompts.load_rewards(text, run_of(own=own))

    assert mistake in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("broken", "The reward broken fails at line 11: ZeroDivisionError: division by zero"),
        ("shy", "The reward shy gives None where a number is needed."),
        ("level", "The reward level fails at line 8: KeyError: 'level'"),
    ],
)
def test_it_names_what_is_wrong_with_a_function_of_your_own(prompts, run_of, name, mistake):
    (reward,) = prompts.load_rewards(name, run_of(own=OWN))

    with pytest.raises(TrainingError) as caught:
        prompts.as_function(reward)(completions=["An answer"], row=["{}"])

    assert str(caught.value) == mistake
    assert caught.value.evidence == "An answer"


OF_OTHERS = """
import numpy, torch

class Tact:
    def __call__(self, completion, row, word):
        return numpy.float32(0.5) if word in completion else 1 / 0

tact = Tact()

def share(completion, row):
    return torch.tensor(0.25)
"""


def test_it_takes_numbers_of_numpy_and_torch(prompts, run_of):
    tact, share = prompts.load_rewards('tact("please"), share', run_of(own=OF_OTHERS))

    assert prompts.as_function(tact)(completions=["Yes, please"], row=["{}"]) == [0.5]
    assert prompts.as_function(share)(completions=["Yes"], row=["{}"]) == [0.25]


def test_it_names_the_line_of_what_is_called_like_a_function(prompts, run_of):
    (tact,) = prompts.load_rewards('tact("please")', run_of(own=OF_OTHERS))

    with pytest.raises(TrainingError, match="fails at line 6: ZeroDivisionError"):
        prompts.as_function(tact)(completions=["Yes"], row=["{}"])


def test_it_reads_prompts_with_everything_a_reward_may_look_at(prompts, run_of, tokenizer):
    run = run_of([{"prompt": "Say a", "answer": "a", "level": 1}, {"prompt": "Say b", "answer": "b", "tags": ["x"]}])

    data = load(prompts, run, tokenizer, "exact_match, length(1, 4)")

    assert data.train["prompt"][1] == [{"role": "user", "content": "Say b"}]
    assert json.loads(data.train["row"][1]) == {"prompt": "Say b", "answer": "b", "tags": ["x"]}
    assert (len(data.train), data.count.rows) == (2, 2)


def test_it_takes_what_completes_a_prompt_for_its_answer(prompts):
    assert prompts.asked({"prompt": "3 + 4?", "completion": "7"}) == {"prompt": "3 + 4?", "answer": "7"}


def test_it_reads_questions_and_answers_too(prompts, run_of, tokenizer):
    run = run_of([{"question": "3 + 4?", "answer": "#### 7"}], data_format="question-answer")

    data = load(prompts, run, tokenizer, "numeric_answer")

    assert json.loads(data.train["row"][0]) == {"prompt": "3 + 4?", "answer": "#### 7"}


def test_it_leaves_out_prompts_that_are_too_long(prompts, run_of, tokenizer):
    run = run_of([{"prompt": "Say a"}, {"prompt": "Say a " * 50}])

    assert len(load(prompts, run, tokenizer).train) == 1
    assert "2 prompts. 1 with more than 64 tokens were left out." in (run.directory / "events.jsonl").read_text()


@pytest.mark.parametrize(
    ("rows", "text", "limits", "mistake"),
    [
        ([{"prompt": "a"}], "exact_match", {}, "compares with the right answer, and row 1 of the dataset has none."),
        ([{"prompt": "a", "answer": "b"}], "numeric_answer", {}, "the answer of row 1 holds none: “b”."),
        ([{"prompt": "a b c " * 99}], "valid_json", {}, "No prompt is left: all 1 are longer than 64 tokens."),
        (
            [{"prompt": "a"}],
            "valid_json",
            {"prompts_a_step": 2},
            "A step takes 2 prompts, and the dataset has 1 to learn from.",
        ),
    ],
)
def test_it_refuses_prompts_that_cannot_be_trained_on(prompts, run_of, tokenizer, rows, text, limits, mistake):
    with pytest.raises(TrainingError) as caught:
        load(prompts, run_of(rows), tokenizer, text, **limits)

    assert mistake in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "fitting"),
    [((64, 8), (64, 8)), ((512, 32), (224, 32)), ((512, 256), (128, 128)), ((16, 200), (16, 200))],
)
def test_it_shares_the_room_of_the_base_model_between_prompt_and_answer(prompts, run_of, wanted, fitting):
    run = run_of()

    assert prompts.fitting_lengths(run, *wanted) == fitting
    noted = "an answer has at most 128" in (run.directory / "events.jsonl").read_text()
    assert noted == (fitting == (128, 128))


def test_it_refuses_conversations_without_a_chat_template(prompts, run_of, tiny_model_without_template):
    from training_methods.trainers import hugging_face

    run = run_of([{"prompt": [{"role": "user", "content": "Say a"}]}])

    with pytest.raises(TrainingError) as caught:
        load(prompts, run, hugging_face.load_tokenizer(tiny_model_without_template))

    assert "no chat template" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "seen"),
    [
        ({"question": "6 * 7?", "answer": "42"}, {"prompt": "6 * 7?", "answer": "42"}),
        ({"prompt": "6 * 7?", "completion": "42"}, {"prompt": "6 * 7?", "answer": "42"}),
        (
            {"question": "6 * 7?", "answer": "42", "system": "Count."},
            {
                "prompt": [{"role": "system", "content": "Count."}, {"role": "user", "content": "6 * 7?"}],
                "answer": "42",
            },
        ),
        (
            {"prompt": [{"role": "user", "content": "6 * 7?"}], "completion": [{"role": "assistant", "content": "42"}]},
            {"prompt": [{"role": "user", "content": "6 * 7?"}], "answer": "42"},
        ),
    ],
)
def test_it_reads_what_is_asked_and_the_right_answer(prompts, row, seen):
    assert prompts.asked(row) == seen
