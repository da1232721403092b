"""How the child of a run is started: forked from the worker's warm parent where there is one, else a fresh process.

Either has a session and process group of its own, writes its log to the run folder, and holds a pipe whose end-of-file
tells it that its supervisor is gone.
"""

import logging
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from training_methods import child_process, warm_parent
from training_methods.trainers.warm import Request
from training_methods.warm_parent import Forked, NotForked

ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",  # with spinning waits one busy neighbour makes a step ten times slower
    "TOKENIZERS_PARALLELISM": "false",
}

logger = logging.getLogger(__name__)


class Child(Protocol):
    """What a supervisor asks of the process that it watches."""

    pid: int
    orphaned: bool

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def close(self) -> None: ...


class Fresh(subprocess.Popen[bytes]):
    """A process of its own, which imports everything itself."""

    orphaned = False

    def close(self) -> None:
        """Let go of it; it must have ended."""
        lifeline_of(self).close()


def start(
    run_dir: Path,
    command: Sequence[str] | None = None,
    *,
    environment: Mapping[str, str],
    warm_parent_at: Path | None = None,
) -> Child:
    """The child that works in `run_dir`. A command of somebody's own always gets a process of its own."""
    with (run_dir / "train.log").open("ab") as log:
        child: Child | None = None
        if warm_parent_at and command is None:
            child = forked(warm_parent_at, run_dir, environment, log)
        child = child or fresh(command or child_process.command("run", run_dir), run_dir, environment, log)
    os.set_blocking(lifeline_of(child).fileno(), False)
    return child


def forked(path: Path, run_dir: Path, environment: Mapping[str, str], log: IO[bytes]) -> Forked | None:
    """None: there is no warm parent yet, or it has another code than is on the disk now."""
    try:
        code = warm_parent.code()
        request = Request(directory=run_dir, working_directory=run_dir, environment=dict(environment), code=code)
        return warm_parent.fork(path, request, log)
    except (NotForked, OSError) as error:
        logger.info("%s A fresh process takes its place.", error)
        return None


def fresh(command: Sequence[str], run_dir: Path, environment: Mapping[str, str], log: IO[bytes]) -> Fresh:
    return Fresh(
        command,
        cwd=run_dir,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def lifeline_of(child: Child) -> IO[bytes]:
    assert isinstance(child, Fresh | Forked)
    assert child.stdin
    return child.stdin


def child_environment(threads: int) -> dict[str, str]:
    """The worker's own environment without its secrets, and with what training needs."""
    inherited = child_process.environment()
    return {
        **ENVIRONMENT,
        "OMP_NUM_THREADS": str(threads),
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(child_process.ROOT), inherited.get("PYTHONPATH", "")])),
        "PYTHONUNBUFFERED": "1",
    }
