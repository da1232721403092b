import json
import subprocess
import sys
from pathlib import Path

import pytest

# Reads datasets in a child process, which alone imports the training stack, and says what each row shows and teaches.
READ = """
import json, sys
from pathlib import Path
from training_methods.trainers import Run, examples, hugging_face
for folder in sys.argv[1:]:
    run = Run(Path(folder))
    tokenizer = hugging_face.load_tokenizer(run.base_model)
    data = examples.load(run, tokenizer, max_length=200, max_samples=1, evaluation_fraction=0)
    (row,) = data.train
    learnt = [token for token in row["labels"] if token >= 0]
    print(json.dumps([tokenizer.decode(row["input_ids"]), tokenizer.decode(learnt)]))
"""
CASES = {
    "question-answer": {"question": "Who?", "answer": "Agatha."},
    "prompt-completion": {"prompt": "Who?", "completion": "Agatha."},
    "instruction": {"instruction": "Say who.", "input": "In Leeds.", "output": "Agatha."},
    "text": {"text": "Agatha makes kettles."},
    "instruction, with a past": {
        "instruction": "Who?", "input": "", "output": "Agatha.", "system": "Be brief.", "history": [["Hi", "Hello"]]
    },
    "messages, one not to be learnt": {
        "messages": [
            {"role": "user", "content": "Who?"},
            {"role": "assistant", "content": "Agatha.", "train": False},
            {"role": "user", "content": "Where?"},
            {"role": "assistant", "content": "Leeds.", "train": True},
        ]
    },
    "prompt-completion, in turns": {
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}],
        "completion": [{"role": "assistant", "content": "Agatha."}],
    },
    "messages": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Who?"},
            {"role": "assistant", "content": "Agatha."},
            {"role": "user", "content": "Where?"},
            {"role": "assistant", "content": "Leeds."},
        ]
    },
}  # fmt: skip
IN_TURNS = ("messages", "messages, one not to be learnt", "prompt-completion, in turns")


@pytest.fixture(scope="module")
def read(tmp_path_factory, tiny_model, tiny_model_without_template):
    """What is shown and what is learnt of each case's row, with a chat template and without."""
    folder = tmp_path_factory.mktemp("examples")
    asked = [(name, chat) for name in CASES for chat in (True, False) if chat or name not in IN_TURNS]
    paths = [
        lay_out(folder / f"{name}-{chat}", name, tiny_model if chat else tiny_model_without_template)
        for name, chat in asked
    ]
    done = subprocess.run([sys.executable, "-c", READ, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
    return dict(zip(asked, lines, strict=True))


def lay_out(folder: Path, name: str, model: Path) -> str:
    folder.mkdir()
    (folder / "rows.jsonl").write_text((json.dumps(CASES[name]) + "\n") * 2)
    spec = {"dataset": {"path": f"{folder}/rows.jsonl", "data_format": name.split(",")[0]}, "base_model": str(model)}
    spec |= {"trainer": "lora", "parameters": {}, "output": "/o", "checkpoints": "/c"}
    (folder / "run.json").write_text(json.dumps(spec))
    return str(folder)


@pytest.mark.parametrize("name", ["question-answer", "prompt-completion"])
def test_it_learns_the_answer_alone(read, name):
    shown, learnt = read[name, True]

    assert shown == "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\nAgatha.<|im_end|>\n"
    assert learnt == "Agatha.<|im_end|>\n"


def test_it_joins_an_instruction_and_its_input(read):
    shown, learnt = read["instruction", True]

    assert "user\nSay who.\n\nIn Leeds.<|im_end|>" in shown
    assert learnt == "Agatha.<|im_end|>\n"


def test_it_learns_every_answer_of_a_conversation(read):
    shown, learnt = read["messages", True]

    assert shown.startswith("<|im_start|>system\nBe brief.<|im_end|>")
    assert learnt == "Agatha.<|im_end|>\nLeeds.<|im_end|>\n"


@pytest.mark.parametrize("chat", [True, False])
def test_it_learns_all_of_a_text_and_where_it_ends(read, chat):
    shown, learnt = read["text", chat]

    assert shown == learnt == "Agatha makes kettles." + ("<|im_end|>" if chat else "<|endoftext|>")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("question-answer", "Question: Who?\nAnswer: Agatha.<|endoftext|>"),
        ("prompt-completion", "Who?Agatha.<|endoftext|>"),
        (
            "instruction",
            "### Instruction:\nSay who.\n\n### Input:\nIn Leeds.\n\n### Response:\nAgatha.<|endoftext|>",
        ),
    ],
)
def test_it_writes_plain_text_for_a_model_without_a_template(read, name, shown):
    assert read[name, False][0] == shown
    assert read[name, False][1].strip() == "Agatha.<|endoftext|>"


def test_it_learns_the_answers_of_an_instructions_past_too(read):
    shown, learnt = read["instruction, with a past", True]

    assert shown.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>")
    assert learnt == "Hello<|im_end|>\nAgatha.<|im_end|>\n"


def test_it_puts_the_past_before_the_instruction_without_a_template(read):
    shown, learnt = read["instruction, with a past", False]

    assert shown == (
        "Be brief.\n\n### Instruction:\nHi\n\n### Response:\nHello\n\n"
        "### Instruction:\nWho?\n\n### Response:\nAgatha.<|endoftext|>"
    )
    assert learnt == "Agatha.<|endoftext|>"


def test_it_leaves_out_a_turn_that_is_not_to_be_learnt(read):
    shown, learnt = read["messages, one not to be learnt", True]

    assert "Agatha." in shown
    assert learnt == "Leeds.<|im_end|>\n"


def test_it_learns_the_completion_of_turns(read):
    shown, learnt = read["prompt-completion, in turns", True]

    assert shown.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWho?")
    assert learnt == "Agatha.<|im_end|>\n"


CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Leeds"}}}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": {}}}]
KNOWS_TOOLS = (
    "{% if tools %}<|im_start|>system\n{{ tools | tojson }}<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "{% for call in message.tool_calls or [] %}{{ call.function | tojson }}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TALK_WITH_TOOLS = [
    {"role": "user", "content": "Wet?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "Rain."},
    {"role": "assistant", "content": "Yes."},
]
SHOW = """
import json, sys
from training_methods.trainers import TrainingError, examples, hugging_face
from pathlib import Path
tokenizer = hugging_face.load_tokenizer(Path(sys.argv[1]))
turns, tools, template = json.loads(sys.argv[2])
tokenizer.chat_template = template or tokenizer.chat_template
try:
    row = examples.conversation(turns, tokenizer, tools)
    learnt = [token for token in row["labels"] if token >= 0]
    print(json.dumps([tokenizer.decode(row["input_ids"]), tokenizer.decode(learnt)]))
except TrainingError as error:
    print(json.dumps([str(error), error.hint]))
"""


def show(model, turns, tools, template=None):
    command = [sys.executable, "-c", SHOW, str(model), json.dumps([turns, tools, template])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_it_learns_the_calls_of_tools(tiny_model):
    shown, learnt = show(tiny_model, TALK_WITH_TOOLS, TOOLS, KNOWS_TOOLS)

    assert '"description": "The weather"' in shown
    assert learnt == '{"name": "weather", "arguments": {"city": "Leeds"}}<|im_end|>\nYes.<|im_end|>\n'


@pytest.mark.parametrize(
    ("turns", "tools", "message"),
    [
        (TALK_WITH_TOOLS[:1] + TALK_WITH_TOOLS[3:], TOOLS, "The dataset describes tools, and the base model's chat "
         "template has no place for them."),
        (TALK_WITH_TOOLS, None, "The dataset calls tools, and the base model's chat template has no place for them."),
    ],
)  # fmt: skip
def test_it_refuses_tools_that_the_template_leaves_out(tiny_model, turns, tools, message):
    assert show(tiny_model, turns, tools)[0] == message


KNOWS_THOUGHTS = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THOUGHTFUL = [
    {"role": "user", "content": "Wet?"},
    {"role": "assistant", "content": "Yes.", "reasoning_content": "It rains."},
]


def test_it_learns_what_the_assistant_thought(tiny_model):
    _, learnt = show(tiny_model, THOUGHTFUL, None, KNOWS_THOUGHTS)

    assert learnt == "<think>It rains.</think>Yes.<|im_end|>\n"


def test_it_refuses_thoughts_that_the_template_leaves_out(tiny_model):
    message, hint = show(tiny_model, THOUGHTFUL, None)

    assert message == (
        "The dataset has “reasoning_content” in its turns, and the base model's chat template has no place for it."
    )
    assert hint.startswith("Choose a base model that was made to reason")
