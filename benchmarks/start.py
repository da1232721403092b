"""Start: from “Run the Train” to the claim, and to a LoRA job's first step: forked, afresh, and without a queue."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from training_jobs import base_models, broker, datasets, processes, submission
from training_jobs.models import ENDED, FoundationModel, TrainingJob
from training_methods.models import TrainingMethod
from training_methods.trainers import tiny
from training_methods.trainers.events import EventReader, Metrics, Progress
from training_methods.trainers.rows import DataFormat

CLAIMS, ROUNDS = 40, 5
LORA = {"max_steps": 3, "batch_size": 4, "rank": 4, "max_length": 64}
INSTANT = '''
from typing import ClassVar
from training_methods.trainers import DataFormat, MethodType, Run, Trainer, register


@register
class Instant(Trainer):
    """Leaves an empty model at once."""

    slug: ClassVar = "instant"
    label: ClassVar = "Instant"
    method_type: ClassVar = MethodType.CUSTOM
    data_formats: ClassVar = tuple(DataFormat)

    def train(self, run: Run) -> None:
        (run.output / "config.json").write_text("{}")
'''
ALONE = """
import sys, time
from pathlib import Path
from training_methods.trainers import stage, warm
stage.set_defaults()
warm.import_libraries()
print(time.time(), flush=True)
sys.exit(stage.perform(Path(sys.argv[1])))
"""


def measure() -> list[dict[str, object]]:
    TrainingJob.objects.exclude(status__in=ENDED).delete()  # left by other subjects: a worker would take them
    lora = TrainingMethod.objects.get(internal_name="lora")
    with broker.running(settings.DATA_DIR):
        with a_worker("on"):
            to_first_step(lora)  # reads from the disk what later ones find in memory
            method = instant()
            claims = sorted(to_claim(method) for _ in range(CLAIMS + 1))[:CLAIMS]  # at the first, it is described
            forked = [to_first_step(lora) for _ in range(ROUNDS)]
        with a_worker("off"):
            fresh = [to_first_step(lora) for _ in range(ROUNDS - 2)]
    alone = [without_queue(number) for number in range(ROUNDS - 2)]
    where = "redis" if settings.REDIS_URL else "embedded valkey"
    claimed = {"median ms": ms(statistics.median(claims)), "p95 ms": ms(claims[int(0.95 * CLAIMS)])}
    ways = {"all imported, no queue": alone, "submit, forked": forked, "submit, fresh process": fresh}
    return [
        {"what": f"submit → claim ({where})", "best ms": ms(claims[0]), **claimed},
        *({"what": f"→ first step: {way}", **beside(min(alone), taken)} for way, taken in ways.items()),
    ]


def ms(seconds: float) -> float:
    return round(1000 * seconds, 1)


def beside(alone: float, taken: list[float]) -> dict[str, float]:
    best = min(taken)
    return {
        "best s": round(best, 2),
        "median s": round(statistics.median(taken), 2),
        "more s": round(best - alone, 2),
        "ratio": round(best / alone, 1),
    }


@contextmanager
def a_worker(warm_parent: str) -> Iterator[None]:
    """Ready, with its warm parent if it is to have one."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_worker"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DEEPEXT_WARM_PARENT": warm_parent},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout
        next(line for line in process.stdout if line.endswith(" ready.\n"))
        wait_for(lambda: warm_parent == "off" or listens(process.pid))
        with Path(os.devnull).open("w") as nowhere:
            subprocess.Popen(["cat"], stdin=process.stdout, stdout=nowhere)  # until the worker ends
        yield
    finally:
        process.terminate()
        process.wait()


def listens(worker: int) -> bool:
    for command in map(processes.command_of, processes.tree_of(worker)):
        if "warm" in command:
            return Path(command[command.index("warm") + 1]).exists()
    return False


def wait_for(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.02)


def submitted(method: TrainingMethod, **values: object) -> tuple[float, TrainingJob]:
    """When it was asked for, and the job once it has ended well."""
    asked = time.time()
    job = submission.submit(method=method, base_model=base_model(), dataset=dataset(), values=values)
    while not job.has_ended:
        time.sleep(0.05)
        job.refresh_from_db()
    assert job.status == "succeeded", job.failure
    return asked, job


def to_claim(method: TrainingMethod) -> float:
    asked, job = submitted(method)
    assert job.started_at
    return job.started_at.timestamp() - asked


def to_first_step(method: TrainingMethod) -> float:
    asked, job = submitted(method, **LORA)
    return first_step(job.attempt_directory(1)) - asked


def first_step(directory: Path) -> float:
    """When it was done, by the clock of the training."""
    events = EventReader(directory / "events.jsonl").read()
    return next(event.at for event in events if isinstance(event, Metrics | Progress))


def without_queue(number: int) -> float:
    """The last job's run once more, in a process that has imported everything before the clock starts."""
    job = TrainingJob.objects.filter(status="succeeded", method__internal_name="lora").latest("created_at")
    directory = job.directory / f"alone-{number}"
    for folder in ("output", "checkpoints"):
        (directory / folder).mkdir(parents=True)
    spec = json.loads((job.attempt_directory(1) / "run.json").read_text())
    spec |= {"output": str(directory / "output"), "checkpoints": str(directory / "checkpoints")}
    (directory / "run.json").write_text(json.dumps(spec))
    command = [sys.executable, "-c", ALONE, str(directory)]
    with subprocess.Popen(command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        asked = float(child.stdout.readline())
        child.stdout.read()
        code = child.wait()
    assert code == 0, f"the child ended with {code}"
    return first_step(directory) - asked


def instant() -> TrainingMethod:
    settings.TRAINERS_DIR.mkdir(parents=True, exist_ok=True)
    (settings.TRAINERS_DIR / "instant.py").write_text(INSTANT)
    return TrainingMethod.objects.create(
        internal_name="instant", display_name="Instant", method_type="CUSTOM", trainer="instant"
    )


def base_model() -> FoundationModel:
    known = FoundationModel.objects.filter(name="tiny").first()
    return known or base_models.add(str(tiny.make_tiny_model(settings.DATA_DIR / "tiny")), name="tiny")


def dataset() -> datasets.Dataset:
    known = datasets.Dataset.objects.filter(name="24 rows").first()
    if known:
        return known
    path = Path(settings.DATA_DIR) / "24-rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in tiny.rows(DataFormat.QUESTION_ANSWER, 24)))
    return datasets.import_file(path, name="24 rows")
