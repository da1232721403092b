"""Each method that every installation begins with: twenty real steps on a tiny model, on a problem that it can learn.

A recipe that is broken stays below the gain: its adapter frozen, its reward dropped. One that has swapped chosen and
rejected finds its own curves in order, so what it learnt is measured from outside as well.
"""

import json
import math
import shutil
import subprocess
import sys
from statistics import mean

import pytest

from tests.trainers.child import RunFolder, perform_all
from tests.trainers.test_preferences import LABELLED, PAIRS
from tests.trainers.test_sampling import MAKE_OUTSPOKEN
from training_methods.builtin_methods import BUILTIN_METHODS
from training_methods.trainers.events import Metrics

# By how much each row's chosen answer is likelier than its rejected one: to the base model, and with each adapter.
LEADS = """
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, rows, *adapters = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(base)

def likelihood(model, row, name):
    turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row[name]}]
    asked = tokenizer.apply_chat_template(turns[:1], add_generation_prompt=True, return_dict=True)["input_ids"]
    whole = tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=True)["input_ids"]
    with torch.no_grad():
        logs = model(input_ids=whole).logits[0].log_softmax(-1)
    return logs[len(asked) - 1 : -1].gather(-1, whole[0, len(asked) :, None]).sum().item()

def lead(adapter=None):
    model = AutoModelForCausalLM.from_pretrained(base)
    model = PeftModel.from_pretrained(model, adapter).eval() if adapter else model
    return sum(likelihood(model, row, "chosen") - likelihood(model, row, "rejected") for row in json.loads(rows))

print(json.dumps([lead(), *map(lead, adapters)]))
"""
STEPS = 20
SHOWN = [{"question": row["prompt"], "answer": row["chosen"]} for row in PAIRS]
ASKED = [{"prompt": f"Say {letter}"} for letter in "abcdefgh"]
RATED = {"rewards": "length(30, 99): 2", "learning_rate": 0.003, "max_completion_length": 8, "sample_steps": 0}
GROUPS = RATED | {"batch_size": 16, "num_generations": 8}
WHOLE = {"batch_size": 48, "learning_rate": 0.005}  # every batch is the whole dataset

# The settings, the curve that tells, and by how much it has to move between the first and the last five steps.
SUPERVISED = {
    "sft": ({"learning_rate": 0.01}, "loss", -1),
    "lora": ({"learning_rate": 0.01}, "loss", -0.5),
    "ia3": ({"learning_rate": 0.1, "batch_size": 24}, "loss", -0.02),
    "prompt-tuning": ({"learning_rate": 0.3, "batch_size": 24}, "loss", -0.02),
    "custom01": ({"learning_rate": 0.01, "batch_size": 6, "epochs": 5}, "loss", -0.5),
    "custom02": ({"learning_rate": 0.01, "batch_size": 4}, "loss", -0.5),
}
JUDGED = {
    "dpo": (WHOLE, "rewards/margins", 0.2),
    "orpo": (WHOLE, "rewards/margins", 0.02),
    "cpo": (WHOLE, "rewards/margins", 0.2),
    "kto": (WHOLE, "rewards/margins", 0.2),
    "reward": (WHOLE, "margin", 0.2),
}
SAMPLING = {
    "grpo": (GROUPS, "reward", 0.2),
    "rloo": (GROUPS, "reward", 0.2),
    "ppo": (RATED | {"batch_size": 8}, "rewards/length(30, 99)/mean", 0.1),
    "distillation": ({"learning_rate": 0.01, "max_completion_length": 8, "sample_steps": 0}, "loss", -0.1),
}
PROBLEMS = SUPERVISED | JUDGED | SAMPLING


@pytest.fixture(scope="module")
def performed(tmp_path_factory, tiny_model):
    """A run of each method, and one before it that makes distillation's teacher."""
    folder = tmp_path_factory.mktemp("twenty")
    outspoken = folder / "outspoken"
    shutil.copytree(tiny_model, outspoken)
    subprocess.run([sys.executable, "-c", MAKE_OUTSPOKEN, outspoken], check=True, capture_output=True)

    def run(name, method, parameters, rows, data_format, base_model=tiny_model):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        dataset = {"path": folder / f"{name}.jsonl", "data_format": data_format}
        return RunFolder(folder / name, trainer=method, parameters=parameters, base_model=base_model, dataset=dataset)

    learnt = [{**row, "completion": "Paris. Paris."} for row in ASKED]
    teacher = run("teacher", "sft", {"epochs": 10, "learning_rate": 0.01}, learnt, "prompt-completion")
    runs = {"teacher": teacher}
    for method, (settings, *_) in PROBLEMS.items():
        parameters = settings | ({} if method == "custom01" else {"max_steps": STEPS})
        parameters |= {"epochs": 100} if method not in ("custom01", "custom02") else {}
        if method in SUPERVISED:
            runs[method] = run(method, method, parameters, SHOWN, "question-answer")
        elif method in JUDGED:
            rows, data_format = (LABELLED, "labelled") if method == "kto" else (PAIRS, "preference")
            runs[method] = run(method, method, parameters, rows, data_format)
        elif method == "distillation":
            runs[method] = run(method, method, {**parameters, "teacher": str(teacher.output)}, ASKED, "prompt")
        else:
            runs[method] = run(method, method, parameters, ASKED, "prompt", outspoken)
    perform_all(runs.values())
    return runs


@pytest.mark.parametrize("method", BUILTIN_METHODS)
def test_it_learns_in_twenty_steps(performed, method):
    _, curve, gain = PROBLEMS[method]

    points = [event for event in performed[method].events(Metrics) if curve in event.values]

    assert [event.step for event in points] == list(range(1, STEPS + 1)), performed[method].log
    values = [event.values[curve] for event in points]
    assert math.copysign(1, gain) * (mean(values[-5:]) - mean(values[:5])) > abs(gain), values


def test_plain_peft_finds_chosen_answers_likelier(performed, tiny_model):
    methods = [method for method in JUDGED if method != "reward"]  # whose scores test_reward_model.py looks at
    command = [sys.executable, "-c", LEADS, tiny_model, json.dumps(PAIRS[:3])]

    measured = subprocess.run([*command, *(performed[method].output for method in methods)], capture_output=True)

    before, *after = json.loads(measured.stdout or pytest.fail(measured.stderr.decode()))
    assert {method: lead > before + 2 for method, lead in zip(methods, after, strict=True)} == dict.fromkeys(
        methods, True
    ), (before, after)
