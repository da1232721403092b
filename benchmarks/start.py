"""Start: from “Run the Train” to a finished job of an empty trainer, beside its child process alone."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

from training_jobs import base_models, broker, datasets, submission
from training_jobs.models import FoundationModel, TrainingJob
from training_methods.models import TrainingMethod

ROUNDS = 5
EMPTY_TRAINER = '''
from typing import ClassVar
from training_methods.trainers import DataFormat, MethodType, Run, Trainer, register


@register
class Empty(Trainer):
    """Leaves an empty model at once."""

    slug: ClassVar = "empty"
    label: ClassVar = "Empty"
    method_type: ClassVar = MethodType.CUSTOM
    data_formats: ClassVar = tuple(DataFormat)

    def train(self, run: Run) -> None:
        (run.output / "config.json").write_text("{}")
'''


def measure() -> list[dict[str, object]]:
    settings.TRAINERS_DIR.mkdir(parents=True, exist_ok=True)
    (settings.TRAINERS_DIR / "empty.py").write_text(EMPTY_TRAINER)
    method = TrainingMethod.objects.create(
        internal_name="empty", display_name="Empty", method_type="CUSTOM", trainer="empty"
    )
    worker = [sys.executable, "manage.py", "run_worker"]
    with broker.running(settings.DATA_DIR):
        process = subprocess.Popen(worker, cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            seconds = sorted(through_the_queue(method) for _ in range(ROUNDS + 1))[ROUNDS // 2]
        finally:
            process.terminate()
            process.wait()
    alone = sorted(child_alone() for _ in range(ROUNDS))[ROUNDS // 2]
    return [
        {"way": "the child process alone", "s": round(alone, 2), "ratio": 1.0},
        {"way": "submit, queue, worker, child, finish", "s": round(seconds, 2), "ratio": round(seconds / alone, 2)},
    ]


def through_the_queue(method: TrainingMethod) -> float:
    start = time.perf_counter()
    job = submission.submit(method=method, base_model=base_model(), dataset=dataset(), values={})
    while not job.has_ended:
        time.sleep(0.01)
        job.refresh_from_db()
    assert job.status == "succeeded", job.failure
    return time.perf_counter() - start


def child_alone() -> float:
    """The last job's run folder once more, with a standard input that stays open."""
    job = TrainingJob.objects.filter(status="succeeded").latest("created_at")
    command = [sys.executable, "-m", "training_methods.trainers", "run", str(job.directory / "attempt-1")]
    (job.directory / "attempt-1" / "output").mkdir(exist_ok=True)
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, env=os.environ) as child:
        assert child.stdin
        code = child.wait()
    assert code == 0, f"the child ended with {code}"
    return time.perf_counter() - start


def base_model() -> FoundationModel:
    known = FoundationModel.objects.first()
    if known:
        return known
    folder = Path(settings.DATA_DIR) / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}))
    (folder / "tokenizer.json").write_text("{}")
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    return base_models.add(str(folder), name="tiny")


def dataset() -> datasets.Dataset:
    known = datasets.Dataset.objects.filter(name="one row").first()
    if known:
        return known
    path = Path(settings.DATA_DIR) / "one-row.jsonl"
    path.write_text('{"text": "Hello."}\n')
    return datasets.import_file(path, name="one row")
