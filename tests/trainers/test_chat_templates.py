"""Conversations on a base model without a chat template, and what of a conversation is learnt."""

import json

import pytest

from tests.trainers.child import RunFolder
from training_methods.trainers import TrainingError
from training_methods.trainers.events import Sample

TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Who makes the kettle?"},
    {"role": "assistant", "content": "Aunt Agatha."},
    {"role": "user", "content": "Where?"},
    {"role": "assistant", "content": "In Leeds."},
]


@pytest.fixture
def tokenizer(tiny_model_without_template):
    """A tokenizer as GPT-2's: it knows where a text ends, and nothing of turns."""
    from training_methods.trainers import hugging_face

    return hugging_face.load_tokenizer(tiny_model_without_template, "plain")


@pytest.fixture
def conversation():
    from training_methods.trainers import examples

    return examples.conversation


@pytest.fixture
def talking_run(tmp_path, tiny_model_without_template):
    """Makes run folders of conversations for the model without a template."""

    def make(**parameters) -> RunFolder:
        (tmp_path / "rows.jsonl").write_text((json.dumps({"messages": TURNS[1:]}) + "\n") * 24)
        return RunFolder(
            tmp_path / "attempt-1",
            trainer="sft",
            base_model=tiny_model_without_template,
            dataset={"path": tmp_path / "rows.jsonl", "data_format": "messages"},
            parameters=parameters,
        )

    return make


def test_plain_needs_no_special_tokens_but_the_end_of_the_text(tokenizer):
    shown = tokenizer.apply_chat_template(TURNS[:4], add_generation_prompt=True, tokenize=False)

    assert shown == (
        "### System:\nBe brief.\n\n### User:\nWho makes the kettle?\n\n### Assistant:\nAunt Agatha.<|endoftext|>\n\n"
        "### User:\nWhere?\n\n### Assistant:\n"
    )


def test_chatml_ends_an_answer_where_generation_stops(tiny_model):
    from training_methods.trainers import hugging_face

    tokenizer = hugging_face.load_tokenizer(tiny_model, "chatml")
    shown = tokenizer.apply_chat_template(TURNS[1:3], tokenize=False)

    assert shown == "<|im_start|>user\nWho makes the kettle?<|im_end|>\n<|im_start|>assistant\nAunt Agatha.<|im_end|>"


def test_its_marks_tell_what_the_assistant_says(tokenizer):
    marked = tokenizer.apply_chat_template(TURNS, return_dict=True, return_assistant_tokens_mask=True)

    said = [token for token, is_said in zip(marked["input_ids"], marked["assistant_masks"], strict=True) if is_said]
    assert tokenizer.decode(said) == "Aunt Agatha.<|endoftext|>In Leeds.<|endoftext|>"


@pytest.mark.parametrize(
    ("learn_from", "learnt"),
    [
        ("answers", "Aunt Agatha.<|endoftext|>In Leeds.<|endoftext|>"),
        ("last-answer", "In Leeds.<|endoftext|>"),
    ],
)
def test_it_learns_from_the_answers_chosen(tokenizer, conversation, learn_from, learnt):
    example = conversation(TURNS, tokenizer, learn_from=learn_from)

    assert tokenizer.decode([token for token in example["labels"] if token >= 0]) == learnt


def test_it_learns_from_everything(tokenizer, conversation):
    from training_methods.trainers import examples

    example = conversation(TURNS, tokenizer, learn_from="everything")
    pair = examples.plain("Who?", " Agatha.", tokenizer, learn_from="everything")

    assert example["labels"] == example["input_ids"]
    assert tokenizer.decode(pair["labels"]) == "Who? Agatha.<|endoftext|>"


def test_a_model_tuned_with_a_template_answers_with_it_and_ends(talking_run):
    tuned = {"chat_template": "plain", "epochs": 8, "learning_rate": 0.005, "precision": "fp32"}
    run = talking_run(**tuned, sample_prompts="Who makes the kettle?", learn_from="answers")

    assert run.perform() == 0, run.log

    assert run.events(Sample)[-1].answer == "Aunt Agatha."
    assert "### Assistant:" in (run.output / "chat_template.jinja").read_text()
    assert "apply_chat_template" in (run.output / "README.md").read_text()


def test_it_names_the_choice_where_there_is_no_template(talking_run):
    run = talking_run()

    assert run.perform() == 1

    ending = run.ending()
    assert "this base model has no chat template to write it down with" in ending.message
    assert ending.hint.startswith("Set “Chat template” to plain,")


def test_chatml_needs_its_tokens(tiny_model_without_template, tmp_path):
    from transformers import AutoTokenizer

    from training_methods.trainers import chat_templates

    tokenizer = AutoTokenizer.from_pretrained(tiny_model_without_template)
    tokenizer.get_vocab = lambda: {"<|endoftext|>": 0}  # GPT-2 knows neither mark

    with pytest.raises(TrainingError, match=r"needs tokens that this base model does not know: <\|im_start\|>"):
        chat_templates.give(tokenizer, "chatml")
