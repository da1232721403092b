"""Watches over one training from a process of its own, which no long native call and no frozen trainer holds up.

`lifeline.hold` starts it as `python -I -S keeper.py PID GROUP`, with the supervisor's pipe as standard input and the
train log as standard output. The end of the pipe means that the supervisor is gone. A line in it is a beat, two
times by `clock`: from when on the training is to save and stop, and when it is to be gone. Without a beat there is
no limit.
"""

import os
import select
import signal
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

MARK = "DEEPEXT_RUN"  # in the environment of all that a run starts
MAPPED = "mark"  # a file of the run folder, in the memory of the training and of all that it forks
CGROUP = "DEEPEXT_RUN_CGROUP"  # the folder of the cgroup in which a run and all that it starts live, if it has one
TICK = 1.0  # seconds

# The first and the last of a log are kept, and a hole lies between: its offsets stay, its blocks go back to the disk.
LOG_HEAD = 2 * 1024 * 1024
LOG_TAIL = 16 * 1024 * 1024
PUNCH_HOLE = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE


def clock() -> float:
    """Seconds since the machine was started, those in which it slept included where the system counts them.

    The same in every process of the machine, and nobody can set it.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Keeper:
    def __init__(self, child: int, group: int) -> None:
        self.child = child
        self.leads_group = group == child
        self.beats = b""
        self.stop_at = self.gone_at = float("inf")
        self.asked = False
        self.punched = LOG_HEAD

    def keep(self) -> None:
        """Until the training has ended, or has to."""
        while self.supervisor_is_there() and self.child_is_there() and clock() < self.gone_at:
            if clock() >= self.stop_at and not self.asked:
                self.asked = True
                os.kill(self.child, signal.SIGTERM)
            self.bound_log()
        self.end()

    def supervisor_is_there(self) -> bool:
        """Waits for a beat, but not for long."""
        next_time = min(self.gone_at, float("inf") if self.asked else self.stop_at)
        wait = min(TICK, max(0.0, next_time - clock()))
        if not select.select([0], [], [], wait)[0]:
            return True
        said = os.read(0, 4096)
        *beats, self.beats = (self.beats + said).split(b"\n")
        if beats:
            self.stop_at, self.gone_at = map(float, beats[-1].split())
        return bool(said)

    def child_is_there(self) -> bool:
        return os.getppid() == self.child

    def end(self) -> None:
        """The training, its process group, and what it started that has left the group."""
        with suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says so by refusing
            if self.leads_group:
                os.killpg(self.child, signal.SIGKILL)
            elif self.child_is_there():
                os.kill(self.child, signal.SIGKILL)
        if run := os.environ.get(MARK):
            end_marked(run)
        if cgroup := os.environ.get(CGROUP):  # last, since this process is in it
            with suppress(OSError):
                Path(cgroup, "cgroup.kill").write_text("1")

    def bound_log(self) -> None:
        found = os.fstat(1)
        if stat.S_ISREG(found.st_mode) and found.st_size - LOG_TAIL > self.punched + LOG_TAIL:
            end = found.st_size - LOG_TAIL
            punch_hole(1, self.punched, end - self.punched)
            self.punched = end


def end_marked(run: Path | str) -> None:
    """Kill every process that carries the run's mark, until there is none; Linux alone tells others' memory."""
    while others := [pid for pid in processes() if pid != os.getpid() and is_marked(pid, run)]:
        for pid in others:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def is_marked(pid: int, run: Path | str) -> bool:
    """By its environment, which is that of its last exec; or by what it has mapped, which an exec drops."""
    in_environment = os.fsencode(f"{MARK}={run}") in seen_of(pid, "environ").split(b"\0")
    return in_environment or os.fsencode(f" {Path(run, MAPPED).resolve()}") in seen_of(pid, "maps")


def processes() -> list[int]:
    folder = Path("/proc")
    return [int(name.name) for name in folder.iterdir() if name.name.isdigit()] if folder.is_dir() else []


def seen_of(pid: int, file: str) -> bytes:
    """Nothing of a process that is not ours or has ended."""
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""


def punch_hole(file: int, start: int, size: int) -> bool:
    """Give a range of a file back to the disk. False where the system or the file system cannot do that."""
    if sys.platform != "linux":
        return False
    import ctypes

    fallocate = ctypes.CDLL(None).fallocate
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return fallocate(file, PUNCH_HOLE, start, size) == 0


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # a machine that goes down signals everybody
        signal.signal(number, signal.SIG_IGN)
    Keeper(int(sys.argv[1]), int(sys.argv[2])).keep()
