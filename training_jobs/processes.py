"""What Linux tells of processes in /proc. Of one that has ended, or where there is no /proc, it tells nothing."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
CLOCK_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Where a thread is: `state` as ps shows it; `where` the kernel's function that it waits in, if that is told."""

    state: str
    where: str


def tree_of(pid: int) -> list[int]:
    """A process and all that descend from it."""
    return [pid, *(later for child in children_of(pid) for later in tree_of(child))]


def children_of(pid: int) -> list[int]:
    found: list[int] = []
    for thread in threads_of(pid):
        with suppress(OSError):
            found += map(int, (thread / "children").read_text().split())
    return found


def threads_of(pid: int) -> list[Path]:
    with suppress(OSError):
        return list((PROC / str(pid) / "task").iterdir())
    return []


def waiting(pid: int) -> Iterator[Waiting]:
    """One for each thread."""
    for thread in threads_of(pid):
        with suppress(OSError):
            state, *_ = after_name((thread / "stat").read_text())
            yield Waiting(state=state, where=(thread / "wchan").read_text().strip("0"))


def cpu_seconds(pid: int) -> float:
    """That it has used so far, all its threads together."""
    with suppress(OSError):
        fields = after_name((PROC / str(pid) / "stat").read_text())
        return sum(map(int, fields[11:13])) / CLOCK_TICK
    return 0.0


def after_name(stat: str) -> list[str]:
    """The fields behind a process's name, which may itself hold blanks and parentheses."""
    return stat.rpartition(")")[2].split()


def own_memory(pid: int) -> int:
    """Bytes that it holds and that the system cannot drop and read again, as it can the pages of files."""
    return sum(of_status(pid, "RssAnon", "RssShmem"))


def resident(pid: int) -> int:
    """Bytes of it that are in memory."""
    return sum(of_status(pid, "VmRSS"))


def of_status(pid: int, *names: str) -> Iterator[int]:
    with suppress(OSError):
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            name, _, size = line.partition(":")
            if name in names:
                yield int(size.split()[0]) * 1024


def command_of(pid: int) -> list[str]:
    with suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    return []
