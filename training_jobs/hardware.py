"""What a job runs on, as its page names it."""

import os
import platform
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from training_jobs import cards


def described(*, threads: int, devices: Sequence[str] | None) -> dict[str, Any]:
    """This machine, and what of it the job was given. `devices` as `Slot` has them; None: any there are."""
    gpus = [card.name for card in cards_here() if devices is None or card.id in devices]
    return {
        "host": platform.node(),
        "system": platform.platform(terse=True),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "memory_bytes": memory(),
        "gpus": gpus,
        "threads": threads,
    }


@cache
def cards_here() -> tuple[cards.Card, ...]:
    try:
        return tuple(cards.found())
    except subprocess.SubprocessError:  # a driver that does not answer: no reason for a job not to start
        return ()


@cache
def processor() -> str:
    """The processor's name. Python itself knows only its kind on Linux."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(errors="replace").splitlines() if listing.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def memory() -> int | None:
    """Bytes. None where the system does not say."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
