"""What the model will see of a dataset: asked of a child process in the background, and kept on disk.

A page never waits for it: it is told what is known, or that it is not known yet, and asks again.
"""

import hashlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.utils.translation import gettext as _
from pydantic import ValidationError

from training_methods import catalog, child_process, config, descriptions, sentences
from training_methods.catalog import BUILT_IN, TrainerInfo
from training_methods.models import TrainingMethod
from training_methods.trainers.base import RunSpec
from training_methods.trainers.inputs import DatasetFile
from training_methods.trainers.preview import Preview

SECONDS = {False: 20, True: 60}  # of reading rows: the first ones, and all of them
TO_LOAD = 120  # seconds more; on a busy machine the training stack takes its time
FAILURE_COUNTS = 20  # seconds; then it is worth another try
KEPT = 400  # files
READ_BY = (
    "chat_template", "max_length", "learn_from", "max_samples", "evaluation_fraction", "packing",
    "rewards", "max_prompt_length", "max_completion_length",
)  # fmt: skip
AT_ONCE = threading.Semaphore(1)  # children of this process
under_way: set[Path] = set()


class Planned(Protocol):
    """A train that is being put together, or one that is being submitted. None: not all is chosen yet."""

    @property
    def method(self) -> TrainingMethod | None: ...
    @property
    def trainer(self) -> TrainerInfo | None: ...
    @property
    def values(self) -> dict[str, Any] | None: ...
    @property
    def snapshots(self) -> dict[str, Any] | None: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Complete:
    """A train of which everything is known."""

    method: TrainingMethod
    trainer: TrainerInfo
    values: dict[str, Any]
    snapshots: dict[str, Any]
    seed: int


@dataclass(frozen=True, kw_only=True)
class Question:
    """A run to look at, and where the answer is kept. `whole`: every row, not only the first."""

    spec: RunSpec
    whole: bool
    kept: Path

    @property
    def failed(self) -> Path:
        return self.kept.with_suffix(".failed")


def why_not(trainer: TrainerInfo) -> str:
    """Why nobody can say what the model sees, or nothing."""
    if trainer.is_script:
        return _("A script reads the dataset in its own way.")
    if trainer.source != BUILT_IN:
        return _("This trainer brings its own code, which may read the dataset in its own way.")
    return ""


def spec_of(draft: Planned) -> RunSpec | None:
    """The run that would be started. None: not all is chosen yet, or some value cannot be used."""
    if not (draft.method and draft.trainer and draft.snapshots and draft.values is not None):
        return None
    base_model, dataset = draft.snapshots["base_model_snapshot"], draft.snapshots["dataset_snapshot"]
    if not (Path(base_model["path"]).is_dir() and Path(dataset["path"]).is_file()):
        return None
    return RunSpec(
        trainer=draft.trainer.slug,
        trainer_file=draft.trainer.file,
        rewards_file=catalog.rewards_file(),
        interpreter=config.interpreter(draft.method.config),
        parameters=draft.values,
        base_model=base_model["path"],
        base_model_name=base_model["name"],
        models={one["name"]: one["path"] for one in draft.snapshots["reference_snapshots"].values()},
        dataset=DatasetFile.model_validate(dataset),
        output=Path("/nowhere"),
        checkpoints=Path("/nowhere"),
        seed=draft.seed,
    )


def question(draft: Planned, *, whole: bool) -> Question | None:
    """None: there is no such run yet, or the trainer does not tell."""
    spec = spec_of(draft)
    if not (spec and draft.trainer and draft.snapshots and draft.values is not None) or why_not(draft.trainer):
        return None
    base_model, dataset = draft.snapshots["base_model_snapshot"], draft.snapshots["dataset_snapshot"]
    depends_on = {
        "code": descriptions.package_hash(),
        "trainer": draft.trainer.slug,
        "base_model": [base_model["path"], base_model["fingerprint"]],
        "dataset": [dataset[fact] for fact in ("path", "sha256", "data_format", "mapping")],
        "values": {name: draft.values[name] for name in READ_BY if name in draft.values},
        "rewards": draft.snapshots["method_snapshot"]["rewards_hash"],
        "seed": draft.seed,
        "whole": whole,
    }
    name = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
    return Question(spec=spec, whole=whole, kept=home() / f"{name}.json")


def home() -> Path:
    return Path(settings.DATA_DIR) / "cache" / "previews"


def known(draft: Planned, *, whole: bool) -> Preview | None:
    """Looks it up; asks nobody."""
    asked = question(draft, whole=whole)
    return answered(asked) if asked else None


def answered(asked: Question) -> Preview | None:
    with suppress(OSError, ValidationError):
        return Preview.model_validate_json(asked.kept.read_bytes())
    return None


def failure(asked: Question) -> str:
    """Why the last try, not long ago, brought nothing."""
    with suppress(OSError):
        if time.time() - asked.failed.stat().st_mtime < FAILURE_COUNTS:
            return asked.failed.read_text(encoding="utf-8")
    return ""


def see_to(asked: Question) -> None:
    """Have it looked at, unless somebody does so already. Returns at once."""
    if asked.kept not in under_way:
        under_way.add(asked.kept)
        threading.Thread(target=look, args=(asked,), name="preview", daemon=True).start()


def look(asked: Question) -> None:
    try:
        with AT_ONCE, one_process_at_a_time(asked.kept):
            if not answered(asked):
                keep(asked, *in_child(asked))
    finally:
        under_way.discard(asked.kept)


def keep(asked: Question, said: bytes, complaint: str) -> None:
    """Written whole: others may read it meanwhile."""
    target, content = (asked.kept, said) if not complaint else (asked.failed, complaint.encode())
    with tempfile.NamedTemporaryFile("wb", dir=target.parent, delete=False) as draft:
        draft.write(content)
    Path(draft.name).replace(target)
    for old in sorted(target.parent.glob("*.*"), key=lambda file: -file.stat().st_mtime)[KEPT:]:
        old.unlink(missing_ok=True)


def in_child(asked: Question) -> tuple[bytes, str]:
    """What the child said, or why it said nothing. In the end all of its process group is gone."""
    seconds = SECONDS[asked.whole]
    with tempfile.TemporaryDirectory(prefix="preview-", dir=asked.kept.parent) as folder:
        (Path(folder) / "run.json").write_text(asked.spec.model_dump_json(), encoding="utf-8")
        flags = ["--seconds", seconds, *(["--whole"] if asked.whole else [])]
        with subprocess.Popen(
            child_process.command("preview", folder, *flags),
            cwd=child_process.ROOT,
            env=child_process.environment() | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            try:
                said, complaint = child.communicate(timeout=seconds + TO_LOAD)
            except subprocess.TimeoutExpired:
                return b"", "It took too long."
            finally:
                with suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says so by refusing
                    os.killpg(child.pid, signal.SIGKILL)
    last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
    return said, "" if child.returncode == 0 else last or f"It ended with {child.returncode}."


@contextmanager
def one_process_at_a_time(kept: Path) -> Iterator[None]:
    """Two web processes that are asked the same start one child between them."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        with suppress(ImportError):  # Windows has no such lock; two children do no harm
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def learnt_rows(preview: Preview | None) -> int | None:
    """Examples that are left, if all were counted."""
    return preview.kept if preview and preview.complete and not preview.problem else None


def refusal(draft: Planned) -> dict[str, str]:
    """What *Check* found that ends the train before its first step, at the setting that would help.

    Certain, since the recipe's own code had every row: where time ran out before the last, others may be left.
    """
    seen = known(draft, whole=True)
    if not (seen and seen.complete and seen.problem and draft.values is not None):
        return {}
    field = seen.setting if seen.setting in draft.values else "dataset"
    return {field: " ".join(filter(None, map(sentences.translated, (seen.problem, seen.hint))))}
