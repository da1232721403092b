"""A site with real workers that faults are done to, and the verdict on what became of its jobs."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from tests.training_jobs.engine import environment, job_of, wait_for
from training_jobs import dispatch, leases, metrics
from training_jobs.models import Status, TrainingJob
from training_methods.trainers import keeper
from training_methods.trainers.keeper import MARK, processes, seen_of

LEASE_SECONDS = float(os.environ.get("CHAOS_LEASE_SECONDS", "6"))  # a site has 120
TIMES = int(os.environ.get("CHAOS_TIMES", "4"))
"""How often each fault is done: a few times in `make test`, 200 times in `make chaos`."""

KEEPER = keeper.__file__

# Learns sixteen numbers with random gradients. What it does only depends on seed and step, as long as each step is done
# once and the random state is kept with the weights. The ledger says which process did which step when.
LEARNS = """
    import json, pickle, random
    from training_methods.trainers.keeper import clock
    random.seed(run.seed)
    done, weights = 0, [0.0] * 16
    if run.resume_from:
        done, weights, state = pickle.loads((run.resume_from / "state").read_bytes())
        random.setstate(state)
    ledger = (run.directory.parent / "ledger").open("a")
    for step in range(done + 1, self.steps + 1):
        weights = [0.9 * weight + random.gauss(0, 1) for weight in weights]
        time.sleep(self.pause)
        ledger.write(json.dumps([run.directory.name, os.getpid(), clock(), step]) + "\\n")
        ledger.flush()
        run.metrics(step, self.steps, loss=sum(weight * weight for weight in weights))
        if step % 5 == 0 or run.stop_requested:
            folder = run.checkpoints / f"checkpoint-{step}"
            folder.mkdir()
            (folder / "state").write_bytes(pickle.dumps((step, weights, random.getstate())))
            run.checkpoint_saved(step, folder)
        if run.stop_requested:
            return
    (run.output / "config.json").write_text("{}")
    (run.output / "weights").write_bytes(pickle.dumps(weights))
"""
STEPS = 40


def a_job(*, pause: float = 0.05, steps: int = STEPS, seed: int = 42) -> TrainingJob:
    """Submitted."""
    job = job_of(settings.DATA_DIR, LEARNS, parameters={"steps": steps, "pause": pause}, seed=seed)
    dispatch.wake(job)
    return job


class Worker:
    """`manage.py run_worker` with short leases and a log on disk."""

    def __init__(self, *flags: str, **variables: str) -> None:
        self.command = [sys.executable, "manage.py", "run_worker", *flags]
        self.variables = {"DEEPEXT_LEASE_SECONDS": str(LEASE_SECONDS), **variables}
        self.log = Path(settings.DATA_DIR) / f"worker-{id(self)}.log"
        self.start()

    def start(self) -> None:
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=environment() | self.variables, stdout=log, stderr=log, start_new_session=True
            )
        assert wait_for(lambda: b" ready.\n" in self.log.read_bytes()[begin:], 120), self.log.read_text()

    def pool(self) -> list[int]:
        """The processes that run jobs: the supervisors."""
        return [pid for pid in children_of(self.process.pid) if "run_worker" in command_of(pid)]

    def warm_parents(self) -> list[int]:
        """One, or two while one replaces the other."""
        return [pid for pid in children_of(self.process.pid) if "training_methods.trainers warm" in command_of(pid)]

    def forked(self) -> list[int]:
        """The trainings that a warm parent has forked; they go by its command."""
        return [pid for parent in self.warm_parents() for pid in children_of(parent) if KEEPER not in command_of(pid)]

    def trainings(self) -> list[int]:
        found = descendants_of(self.process.pid)
        return [pid for pid in found if "training_methods.trainers run" in command_of(pid)] + self.forked()

    def kill(self) -> None:
        """The worker with its pool, at once."""
        for pid in (self.process.pid, *self.pool()):
            end(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def workers(count: int = 1, *flags: str, **variables: str) -> Iterator[list[Worker]]:
    started = [Worker(*flags, **variables) for _ in range(count)]
    try:
        yield started
    finally:
        for worker in started:
            worker.stop()


def children_of(pid: int) -> list[int]:
    with suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return []


def command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def descendants_of(pid: int) -> list[int]:
    found = children_of(pid)
    return found + [later for child in found for later in descendants_of(child)]


def end(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def is_frozen(pid: int) -> bool:
    return b"State:\tT" in seen_of(pid, "status")


def random_moment(longest: float = 2.0) -> None:
    time.sleep(random.uniform(0, longest))  # noqa: S311


def step_of(job: TrainingJob) -> int:
    return TrainingJob.objects.values_list("step", flat=True).get(pk=job.pk)


def all_ended(jobs: Iterable[TrainingJob], seconds: float = 50 * LEASE_SECONDS) -> bool:
    waiting = TrainingJob.objects.filter(pk__in=[job.pk for job in jobs]).exclude(status__in=ENDED)
    return bool(wait_for(lambda: not waiting.exists(), seconds))


def all_may_be_lost_twice() -> bool:
    """A job that is lost three times without a checkpoint in between fails, and rightly so. Killed once it may be lost
    twice: with its training and with its worker, or as the machine is too busy to renew its lease.
    """
    going_on = TrainingJob.objects.exclude(status__in=ENDED)
    return all(leases.losses_in_a_row(job) <= leases.MOST_LOSSES - 3 for job in going_on)


ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


def undisturbed(*, steps: int = STEPS, seed: int = 42) -> tuple[list[float], list[float]]:
    """The weights and the curve that the trainer has to come to, computed here."""
    generator, weights, losses = random.Random(seed), [0.0] * 16, []  # noqa: S311
    for _ in range(steps):
        weights = [0.9 * weight + generator.gauss(0, 1) for weight in weights]
        losses.append(sum(weight * weight for weight in weights))
    return weights, losses


def check_undisturbed(job: TrainingJob) -> None:
    """The job succeeded, and nothing shows that it was disturbed."""
    import pickle

    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED, (job.pk, job.status, job.failure, history(job))
    weights, losses = undisturbed(steps=job.parameters["steps"], seed=job.seed)
    assert pickle.loads(Path(job.customized_model.path, "weights").read_bytes()) == weights  # noqa: S301
    curve = metrics.read(job.pk).curves["loss"]
    assert (curve.steps, curve.values) == (list(range(1, job.parameters["steps"] + 1)), losses), history(job)
    check_alone(job)


def check_not_lost(job: TrainingJob) -> None:
    """Nobody took it from its worker. One too slow to renew its lease hands it back itself, as it should."""
    kinds = [kind for _, kind in history(job)]
    assert "worker-lost" not in kinds, history(job)
    assert job.attempt == 1 + kinds.count("released") + kinds.count("interrupted"), history(job)


def check_alone(job: TrainingJob) -> None:
    """No attempt did a step before the one before it had done its last."""
    import json

    lines = [json.loads(line) for line in (job.directory / "ledger").read_text().splitlines()]
    attempts = [(attempt, pid) for attempt, pid, _, _ in lines]
    assert attempts == sorted(attempts, key=lambda one: int(one[0].removeprefix("attempt-"))), lines
    assert len(set(attempts)) == len({attempt for attempt, _ in attempts}), lines


def history(job: TrainingJob) -> list[tuple[int, str]]:
    return list(job.events.exclude(kind="checkpoint").values_list("attempt", "kind"))


def nothing_left(jobs: Iterable[TrainingJob]) -> bool:
    """No process of a run is there any more."""
    marks = tuple(f"{MARK}={job.directory}/".encode() for job in jobs)
    environments = (seen_of(pid, "environ").split(b"\0") for pid in processes())
    return not any(one.startswith(marks) for environment in environments for one in environment)
