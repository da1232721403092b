"""What memory this process and those it has started took at their peaks, for whoever rehearses a run in it."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel

from training_methods.trainers.events import Event, EventLog

FILE = "peak.json"


class Peak(BaseModel):
    """Bytes. `gpu_memory` is what torch held on the first GPU, where it used one."""

    memory: int | None = None
    gpu_memory: int | None = None


class MeasuredEvents(EventLog):
    """The peak so far is written down before each event: whoever hears of a step can end the run and knows it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.directory = path.parent

    def write(self, event: Event) -> None:
        write(self.directory)
        super().write(event)


def write(directory: Path) -> None:
    """Whole at every moment: a run that goes on may be ended while it is at this."""
    draft = directory / f"{FILE}.draft"
    draft.write_text(now().model_dump_json(), encoding="utf-8")
    draft.replace(directory / FILE)


def read(directory: Path) -> Peak:
    with suppress(OSError, ValueError):
        return Peak.model_validate_json((directory / FILE).read_bytes())
    return Peak()


def now() -> Peak:
    torch = sys.modules.get("torch")
    on_gpu = torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()
    return Peak(memory=resident(), gpu_memory=torch.cuda.max_memory_reserved() if torch and on_gpu else None)


def resident() -> int | None:
    """Of this process and those below it; pages that several share count for each. `getrusage` would count what its
    parent was at the fork.
    """
    if here := list(sizes()):
        return sum(here)
    with suppress(ImportError):
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return None


def sizes() -> Iterator[int]:
    for pid in tree_of(os.getpid()):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
                if line.startswith("VmHWM:"):
                    yield int(line.split()[1]) * 1024


def tree_of(pid: int) -> Iterator[int]:
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in file.read_text(encoding="utf-8").split():
                yield from tree_of(int(child))
