"""Following a job from a terminal."""

import shutil
import time
from typing import TextIO

from training_jobs import waiting
from training_jobs.models import Status, TrainingJob

LOOK_EVERY = 0.5  # seconds
LINE_EVERY = 5.0  # seconds between plain lines
PATIENCE = 5.0  # seconds a job may wait before we ask why
BAR = 24  # characters


def follow(job: TrainingJob, out: TextIO) -> TrainingJob:
    """Show a job's progress until it has ended: a bar in a terminal, plain lines elsewhere. Returns it as it ended."""
    display = Bar(out) if out.isatty() else Lines(out)
    patient_until: float | None = time.monotonic() + PATIENCE
    while not job.has_ended:
        display.show(job)
        if job.status != Status.QUEUED:
            patient_until = None
        elif patient_until and time.monotonic() > patient_until:
            patient_until = None
            display.say(waiting.look().wait_of(job).sentence)
        time.sleep(LOOK_EVERY)
        job.refresh_from_db()
    display.show(job)
    display.end()
    return job


class Bar:
    """One line that is drawn over and over."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def show(self, job: TrainingJob) -> None:
        done = BAR * job.percent // 100
        line = f"{'█' * done}{'░' * (BAR - done)} {standing(job)}"
        self.out.write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}")
        self.out.flush()

    def say(self, sentence: str) -> None:
        self.out.write(f"\r\x1b[K{sentence}\n")

    def end(self) -> None:
        self.out.write("\n")


class Lines:
    """A line whenever something changed, but not more often than a log can bear."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.shown: tuple[str, int] | None = None
        self.next_line = 0.0

    def show(self, job: TrainingJob) -> None:
        is_new_status = self.shown is None or self.shown[0] != job.status
        if not is_new_status and (self.shown == (job.status, job.step) or time.monotonic() < self.next_line):
            return
        self.shown, self.next_line = (job.status, job.step), time.monotonic() + LINE_EVERY
        self.say(standing(job))

    def say(self, sentence: str) -> None:
        self.out.write(f"{sentence}\n")
        self.out.flush()

    def end(self) -> None:
        pass


def standing(job: TrainingJob) -> str:
    """Where a job stands, in a line."""
    parts = [str(Status(job.status).label) + (" early" if job.stopped_at is not None else "")]
    if job.step:
        parts.append(f"step {job.step}" + (f"/{job.total_steps}" if job.total_steps else ""))
    if name := next((name for name in ("loss", "reward") if name in job.latest_metrics), None):
        value = job.latest_metrics[name]
        parts.append(f"{name} {'not a number' if value is None else format(value, '.4g')}")
    if job.seconds_left and not job.has_ended:
        minutes, seconds = divmod(round(job.seconds_left), 60)
        parts.append(f"{minutes}:{seconds:02} left")
    return "   ".join(parts)
