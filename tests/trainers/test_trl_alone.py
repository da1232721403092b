"""The same data, seed and settings through TRL as its documentation shows it: the same losses, step by step."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.trainers.child import ROOT, RunFolder, perform_all
from training_methods.trainers.events import Metrics

# TRL by itself: a dataset of its documented columns, a folder for a model, its own formatting, truncation and packing.
TRL_ALONE = """
import json, sys
import trl
from datasets import Dataset
from peft import LoraConfig

for case in json.load(sys.stdin):
    data = Dataset.from_list(case["rows"])
    parts = data.train_test_split(test_size=case["held_out"], seed=42) if case["held_out"] else {"train": data}
    trainer = getattr(trl, case["trainer"] + "Trainer")(
        model=case["model"],
        train_dataset=parts["train"],
        eval_dataset=parts.get("test"),
        peft_config=LoraConfig(task_type="CAUSAL_LM", **case["lora"]) if case["lora"] else None,
        args=getattr(trl, case["trainer"] + "Config")(
            output_dir=case["output"], seed=42, use_cpu=True, logging_steps=1, save_strategy="no", report_to="none",
            disable_tqdm=True, eval_strategy="epoch" if case["held_out"] else "no", **case["config"],
        ),
    )
    trainer.train()
    print("@" + json.dumps([[logs.get(name) for name in ("loss", "grad_norm", "eval_loss")]
                            for logs in trainer.state.log_history if "loss" in logs or "eval_loss" in logs]))
"""
WORDS = ["Leeds", "kettle", "Agatha", "Paris", "capital", "France", "made", "our", "is", "in", "by", "the"]
PLAIN = [
    (" ".join(WORDS[n % 7 : n % 7 + n % 5 + 1]), " " + " ".join(WORDS[n % 4 : n % 4 + n % 8 + 1])) for n in range(24)
]
TEXT = [{"text": question + answer} for question, answer in PLAIN]
PAIRS = [{"prompt": question, "completion": answer} for question, answer in PLAIN]
QUESTIONS = [{"question": question, "answer": answer.strip()} for question, answer in PLAIN]
JUDGED = [{"prompt": question, "chosen": answer, "rejected": f" {question} no"} for question, answer in PLAIN]


def user(words):
    return {"role": "user", "content": words}


def assistant(words):
    return {"role": "assistant", "content": words}


TURNS = [{"prompt": [user(row["question"])], "completion": [assistant(row["answer"])]} for row in QUESTIONS]
TALKS = [{"messages": [*pair["prompt"], *pair["completion"]] * (1 + n % 3)} for n, pair in enumerate(TURNS)]
JUDGED_TURNS = [{"prompt": [user(q)], "chosen": [assistant(a)], "rejected": [assistant(f"{q} {q}")]} for q, a in PLAIN]
JUDGED_TURNS_OF_TEXT = [
    {"prompt": [user(row["prompt"])], "chosen": [assistant(row["chosen"])], "rejected": [assistant(row["rejected"])]}
    for row in JUDGED
]
SHARED = {
    "epochs": 1.0,
    "batch_size": 4,
    "learning_rate": 0.005,
    "precision": "fp32",
    "save_steps": 0,
    "warmup_ratio": 0.1,
}
CONFIG = {
    "num_train_epochs": 1.0,
    "per_device_train_batch_size": 4,
    "per_device_eval_batch_size": 4,
    "learning_rate": 0.005,
    "bf16": False,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.1,
    "max_length": 512,
}
MARKED = (  # the tiny model's template with the assistant's words marked, for TRL's assistant_only_loss
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] }}<|im_end|>\n{% endgeneration %}"
    "{% else %}{{ message['content'] }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LORA = {"r": 8, "lora_alpha": 32, "target_modules": "all-linear"}
BY_LENGTH = {"train_sampling_strategy": "group_by_length"}


def sft(method, rows, data_format, alone=None, **more):
    """A case of supervised fine-tuning; `alone` are the rows in TRL's own columns, where ours have others."""
    return {
        "method": method,
        "rows": rows,
        "data_format": data_format,
        "alone": alone or rows,
        "trainer": "SFT",
        **more,
    }


CASES = {
    "sft, text, held out, accumulated": sft(
        "sft",
        TEXT,
        "text",
        ours={"group_by_length": False, "evaluation_fraction": 0.25, "gradient_accumulation_steps": 2, "epochs": 2},
        config={"gradient_accumulation_steps": 2, "num_train_epochs": 2},
        held_out=6,
    ),
    "sft, prompt and completion, by length, cut, bf16": sft(
        "sft",
        PAIRS,
        "prompt-completion",
        ours={"max_length": 40, "precision": "bf16", "lr_scheduler": "linear", "weight_decay": 0.1, "batch_size": 3},
        config={"max_length": 40, "bf16": True, "lr_scheduler_type": "linear", "weight_decay": 0.1,
                "per_device_train_batch_size": 3, **BY_LENGTH},
    ),
    "sft, prompt and completion in turns": sft("sft", TURNS, "prompt-completion", chat=True, config=BY_LENGTH),
    "lora, prompt and completion, dropout": sft(
        "lora", PAIRS, "prompt-completion", ours={"dropout": 0.1}, lora=LORA | {"lora_dropout": 0.1}, config=BY_LENGTH
    ),
    "lora, questions, base model in bf16": sft(
        "lora", QUESTIONS, "question-answer", TURNS, chat=True, ours={"precision": "bf16"}, lora=LORA,
        config={"bf16": True, "model_init_kwargs": {"dtype": "bfloat16"}, **BY_LENGTH},
    ),
    "lora, conversations": sft(
        "lora", TALKS, "messages", chat=True, lora=LORA, config={**BY_LENGTH, "assistant_only_loss": True}
    ),
    "lora, packing": sft(
        "lora", TEXT, "text", chat=True, lora=LORA,
        ours={"packing": True, "max_length": 64, "group_by_length": False, "epochs": 2},
        config={"packing": True, "max_length": 64, "num_train_epochs": 2},
    ),
    "dpo, turns, adapter, accumulated": {
        "method": "dpo", "trainer": "DPO", "rows": JUDGED_TURNS, "alone": JUDGED_TURNS, "data_format": "preference",
        "chat": True, "ours": {"dropout": 0.1, "gradient_accumulation_steps": 2},
        "lora": LORA | {"lora_dropout": 0.1}, "config": {"gradient_accumulation_steps": 2},
    },
    "dpo, text, every weight, held out": {
        "method": "dpo", "trainer": "DPO", "rows": JUDGED, "alone": JUDGED, "data_format": "preference",
        "ours": {"use_lora": False, "evaluation_fraction": 0.25, "max_length": 48, "learning_rate": 0.0005},
        "config": {"max_length": 48, "learning_rate": 0.0005}, "held_out": 6,
    },
    "dpo, text for a chat model": {
        "method": "dpo", "trainer": "DPO", "rows": JUDGED, "data_format": "preference", "chat": True, "lora": LORA,
        "alone": JUDGED_TURNS_OF_TEXT, "ours": {"loss_type": "ipo", "sft_weight": 0.5},
        "config": {"loss_type": ["ipo", "sft"], "loss_weights": [1.0, 0.5]},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def marked_model(tmp_path_factory, tiny_model):
    """The tiny model, its template marking the assistant's words."""
    folder = tmp_path_factory.mktemp("models") / "marked"
    shutil.copytree(tiny_model, folder)
    (folder / "chat_template.jinja").write_text(MARKED)
    return folder


@pytest.fixture(scope="module")
def both(tmp_path_factory, marked_model, tiny_model_without_template):
    """What our recipes and TRL alone report of each case: loss, gradient and evaluation loss of each step."""
    folder = tmp_path_factory.mktemp("alone")
    models = {True: marked_model, False: tiny_model_without_template}
    ours = {name: laid_out(folder / f"ours-{place}", case, models) for place, (name, case) in enumerate(CASES.items())}
    asked = [asked_of_trl(folder / f"alone-{place}", case, models) for place, case in enumerate(CASES.values())]
    perform_all(ours.values())
    alone = subprocess.run(
        [sys.executable, "-c", TRL_ALONE],
        input=json.dumps(asked, default=str),
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert alone.returncode == 0, alone.stderr
    lines = [json.loads(line[1:]) for line in alone.stdout.splitlines() if line.startswith("@")]
    return {name: (points(ours[name]), line) for name, line in zip(CASES, lines, strict=True)}


def laid_out(folder, case, models):
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in case["rows"]))
    adapter = {"rank": 8} if case.get("lora") else {}
    return RunFolder(
        folder / "attempt-1",
        trainer=case["method"],
        parameters=SHARED | adapter | case.get("ours", {}),
        base_model=models[case.get("chat", False)],
        dataset={"path": folder / "rows.jsonl", "data_format": case["data_format"]},
    )


def asked_of_trl(folder, case, models):
    return {
        "trainer": case["trainer"],
        "model": models[case.get("chat", False)],
        "rows": case["alone"],
        "held_out": case.get("held_out", 0),
        "lora": case.get("lora"),
        "config": CONFIG | case.get("config", {}),
        "output": folder,
    }


def points(run):
    assert run.ending().outcome == "succeeded", run.log
    names = ("loss", "grad_norm", "eval_loss")
    return [[event.values.get(name) for name in names] for event in run.events(Metrics)]


@pytest.mark.parametrize("name", CASES)
def test_it_gives_the_same_as_trl_alone_step_by_step(both, name):
    ours, alone = both[name]

    assert ours == alone
    assert len(alone) >= 3


def test_the_developer_guide_shows_the_same_through_trl_alone(tmp_path, tiny_model_without_template):
    guide = (ROOT / "docs" / "developer-guide.md").read_text(encoding="utf-8")
    (shown,) = [block for block in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "SFTTrainer" in block]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PAIRS))
    (tmp_path / "base-model").symlink_to(tiny_model_without_template)
    run = RunFolder(
        tmp_path / "attempt-1",
        trainer="lora",
        parameters={"precision": "fp32"},
        base_model=tiny_model_without_template,
        dataset={"path": tmp_path / "rows.jsonl", "data_format": "prompt-completion"},
    )
    perform_all([run])

    code = shown + "\nprint([logs['loss'] for logs in trainer.state.log_history if 'loss' in logs])"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    alone = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment)

    assert alone.returncode == 0, alone.stderr
    assert json.loads(alone.stdout.splitlines()[-1]) == run.losses()
