"""A cgroup (version 2) for each training, where the site lets its worker make some.

All that a training starts lives in it, wherever it moves, and is ended at once with it; where the folder has the memory
controller, it holds the memory limit too. Without a cgroup the process group, the mark in the environment and the
supervisor's own count do the same nearly as well.
"""

import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from training_jobs.memory import MemoryLimit

OFF = "off"
PREFIX = "deepext-"
SECONDS_TO_EMPTY = 2.0
SECONDS_TO_BEGIN = 600.0
DELEGATED = ("user.delegate", "trusted.delegate")  # as systemd marks a cgroup that is its service's own

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cgroup:
    path: Path

    @classmethod
    def make(cls, home: Path, run_dir: Path, limit: MemoryLimit | None) -> Self | None:
        """For one attempt, with its memory limit where that is possible. None: the system does not let us."""
        sweep(home)
        group = cls(home / f"{PREFIX}{run_dir.parent.name}-{run_dir.name}")
        try:
            group.path.mkdir(exist_ok=True)
        except OSError as error:
            logger.warning("A training has no cgroup of its own: %s", error)
            return None
        if limit:
            group.hold_to(limit)
        return group

    def hold_to(self, limit: MemoryLimit) -> None:
        """When it runs out, all of it is killed. Where there is no memory controller, nothing."""
        with suppress(OSError):
            (self.path.parent / "cgroup.subtree_control").write_text("+memory")
        with suppress(OSError):
            (self.path / "memory.oom.group").write_text("1")
            (self.path / "memory.swap.max").write_text("0")
            (self.path / "memory.max").write_text(str(limit.size))

    def ran_out_of_memory(self) -> bool:
        with suppress(OSError):
            lines = (self.path / "memory.events").read_text().splitlines()
            return any(name == "oom_kill" and int(count) > 0 for name, count in map(str.split, lines))
        return False

    def kill(self) -> None:
        with suppress(OSError):  # before Linux 5.14: the process group was killed anyway
            (self.path / "cgroup.kill").write_text("1")

    def remove(self) -> None:
        """Once those who were killed are gone. What stays is removed by the next training."""
        deadline = time.monotonic() + SECONDS_TO_EMPTY
        while self.path.exists() and time.monotonic() < deadline:
            with suppress(OSError):
                self.path.rmdir()
                return
            time.sleep(0.02)


def sweep(home: Path) -> None:
    """Remove the empty ones that a killed worker has left. A new one is empty until its training has begun."""
    with suppress(OSError):
        for group in home.glob(f"{PREFIX}*"):
            with suppress(OSError):  # somebody lives in it
                if time.time() - group.stat().st_mtime > SECONDS_TO_BEGIN:
                    group.rmdir()


def home(setting: str) -> Path | None:
    """The folder to make cgroups in: the one that is named, else that of our service where it is delegated to it."""
    if setting == OFF:
        return None
    if setting:
        return Path(setting)
    own = own_group()
    return next((group for group in (own.parent, own) if is_delegated(group)), None) if own else None


def own_group(proc: Path = Path("/proc/self")) -> Path | None:
    """The folder of the version 2 cgroup that this process is in."""
    with suppress(OSError, StopIteration):
        place = next(line[3:] for line in (proc / "cgroup").read_text().splitlines() if line.startswith("0::"))
        mount = next(line.split()[4] for line in (proc / "mountinfo").read_text().splitlines() if " - cgroup2 " in line)
        return Path(mount) / place.lstrip("/")
    return None


def is_delegated(group: Path) -> bool:
    for name in DELEGATED:
        with suppress(OSError):
            if os.getxattr(group, name) == b"1":
                return True
    return False
