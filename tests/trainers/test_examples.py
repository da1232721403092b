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
    "messages": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Who?"},
            {"role": "assistant", "content": "Agatha."},
            {"role": "user", "content": "Where?"},
            {"role": "assistant", "content": "Leeds."},
        ]
    },
}


@pytest.fixture(scope="module")
def read(tmp_path_factory, tiny_model, tiny_model_without_template):
    """What is shown and what is learnt of each case's row, with a chat template and without."""
    folder = tmp_path_factory.mktemp("examples")
    asked = [(name, chat) for name in CASES for chat in (True, False) if (name, chat) != ("messages", False)]
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
    spec = {"dataset": {"path": f"{folder}/rows.jsonl", "data_format": name}, "base_model": str(model)}
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
