"""PPO beside TRL 1.12.0's, the last that TRL had: the largest difference, with the same model, prompts and seed."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from training_methods.trainers import tiny
from training_methods.trainers.base import DatasetFile, RunSpec
from training_methods.trainers.discovery import load_trainer
from training_methods.trainers.events import Metrics
from training_methods.trainers.rows import DataFormat
from training_methods.trial import Trial

ROOT = Path(__file__).resolve().parent.parent
TRL = "trl==1.12.0"
PROMPTS = [f"Say {letter}" for letter in "abcdefgh"]
SEED = 42
SETTINGS = {
    "rewards": "length(30, 99): 2",
    "use_lora": False,
    "learning_rate": 0.0003,
    "lr_scheduler": "constant_with_warmup",
    "warmup_ratio": 0.0,
    "max_grad_norm": 1e9,
    "batch_size": 8,
    "mini_batch_size": 4,
    "ppo_epochs": 2,
    "max_steps": 20,
    "max_completion_length": 8,
    "sample_steps": 0,
    "save_steps": 0,
    "precision": "fp32",
}
STOP_TOKEN = 110  # one that the tiny model says now and then, so that some answers end early
# A model that prefers some words, and hardly ever says those that would end or pad an answer: TRL puts the rating of an
# answer that ends one place behind its end, and takes padding that is said for an end.
OUTSPOKEN = """
import sys
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
model.lm_head.weight.data *= 20
model.lm_head.weight.data[[model.config.pad_token_id, model.config.eos_token_id]] = 0
model.save_pretrained(sys.argv[1])
"""


def measure() -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory(prefix="ppo-") as scratch:
        folder = Path(scratch)
        model = tiny.make_tiny_model(folder / "tiny")
        subprocess.run([sys.executable, "-c", OUTSPOKEN, model], check=True, capture_output=True)
        old = install(folder / "trl")
        ours, (theirs, _) = by_us(folder / "ours", model), by_trl(folder / "theirs", model, old, stop_token=None)
        _, numbers = by_trl(folder / "ending", model, old, stop_token=STOP_TOKEN, max_steps=1)
    from benchmarks.__main__ import RESULTS

    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ppo_numbers.json").write_text(json.dumps(numbers) + "\n")
    names = ("reward", "kl", "policy_loss", "value_loss", "clip_fraction")
    steps = [
        {"step": number, **{name: f"{one[name]:.4f} {other[name]:.4f}" for name in names}}
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True), 1)
    ]
    pairs = list(zip(ours, theirs, strict=True))
    return [*steps, {"step": "largest difference"} | {
        name: f"{max(abs(one[name] - other[name]) for one, other in pairs):.1e}" for name in names
    }]  # fmt: skip


def install(target: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), TRL]
    subprocess.run(pip, check=True)
    return target


def by_us(folder: Path, model: Path) -> list[dict[str, float]]:
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in PROMPTS))
    spec = RunSpec(
        trainer="ppo",
        parameters=SETTINGS,
        base_model=model,
        dataset=DatasetFile(path=folder / "rows.jsonl", data_format=DataFormat.PROMPT),
        output=folder / "output",
        checkpoints=folder / "checkpoints",
        seed=SEED,
    )
    with Trial(folder, spec) as trial:
        return [event.values for event in trial.watch() if isinstance(event, Metrics)]


def by_trl(
    folder: Path, model: Path, trl: Path, *, stop_token: int | None, **changed: int
) -> tuple[list[dict[str, float]], Any]:
    folder.mkdir()
    defaults = load_trainer("ppo")(**SETTINGS | changed).model_dump()
    given = {"parameters": defaults, "model": str(model), "seed": SEED, "prompts": PROMPTS, "output": str(folder)}
    (folder / "settings.json").write_text(json.dumps(given | {"stop_token": stop_token}))
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.trl_ppo", folder / "settings.json"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(trl), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if child.returncode:
        raise RuntimeError(child.stderr)
    lines = [line.partition(" ") for line in child.stdout.splitlines()]
    steps = [json.loads(rest) for word, _, rest in lines if word == "STEP"]
    (last,) = [json.loads(rest) for word, _, rest in lines if word == "LAST"]
    return steps, last
