"""Ties a child process to the one that started it, so that no training goes on unwatched or beyond its time."""

import ctypes
import mmap
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from training_methods.trainers import keeper

PR_SET_PDEATHSIG = 1
KILLED_FIRST = "500"  # of 1000: when memory runs out, the training goes and not the worker or the database
MAPPED: list[mmap.mmap] = []  # as long as this process lives


def hold(directory: Path) -> None:
    """From now on this process and its group end when their supervisor is gone, or when it says that time is up.

    The kernel's signal is the fast way, on Linux and for a parent that dies. The keeper holds the pipe on stdin and
    hears the rest; it is a process of its own, and this one does not go on without it.
    """
    die_with_parent()
    enter_cgroup()
    mark(directory)
    keeping, keepers_end = start_keeper()
    let_go_of_stdin()
    threading.Thread(target=end_with, args=(keeping, keepers_end), name="lifeline", daemon=True).start()
    be_killed_first()


def die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def enter_cgroup() -> None:
    """Before anything else is started, so that all of it is in there."""
    if cgroup := os.environ.get(keeper.CGROUP):
        try:
            Path(cgroup, "cgroup.procs").write_text("0")
        except OSError as error:
            print(f"This training has no cgroup of its own: {error}", file=sys.stderr)


def mark(directory: Path) -> None:
    """All that is started from here on: what executes another program by its environment, a fork by its memory."""
    os.environ[keeper.MARK] = str(directory)
    file = directory / keeper.MAPPED
    file.write_bytes(b"\0")
    with file.open("rb") as opened:
        MAPPED.append(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))


def start_keeper() -> tuple[subprocess.Popen[bytes], int]:
    """The process, and a descriptor whose end-of-file tells that it has ended."""
    ours, keepers = os.pipe()
    us = [str(os.getpid()), str(os.getpgrp())]  # a training may be over before its keeper can ask for its group
    command = [sys.executable, "-I", "-S", keeper.__file__, *us]
    keeping = subprocess.Popen(command, pass_fds=[keepers], start_new_session=True)
    os.close(keepers)
    return keeping, ours


def let_go_of_stdin() -> None:
    """What a recipe reads there would be missed by the keeper."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def end_with(keeping: subprocess.Popen[bytes], keepers_end: int) -> None:
    """A pipe, since a recipe that waits for any child of its own takes what `keeping.wait` waits for."""
    while os.read(keepers_end, 4096):
        pass
    end_group()


def be_killed_first() -> None:
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(KILLED_FIRST)


def end_group() -> None:
    """Kill this process and all it has started; never the group of somebody else."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(137)
