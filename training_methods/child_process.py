"""How a child process of the trainers is started: its command, its folder, its environment."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
TICK = 0.2  # seconds
SECRETS = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL")  # nothing that a trainer's code should see


def command(*arguments: object) -> list[str]:
    """`python -m training_methods.trainers …`, to be run in ROOT."""
    return [sys.executable, "-m", "training_methods.trainers", *map(str, arguments)]


def environment() -> dict[str, str]:
    """Ours without its secrets. The hub is left alone, unless HF_HUB_OFFLINE=0 says otherwise."""
    return {"HF_HUB_OFFLINE": "1"} | {name: value for name, value in os.environ.items() if name not in SECRETS}


class ChildFailed(Exception):
    """A child did not do its work; the message is its last line, or nothing."""


def answer(arguments: list[str], tick: Callable[[], None], *, seconds: float = math.inf) -> str:
    """What a child says in the end. `tick` is called several times a second, and may raise to end it.

    Whatever happens, it is gone afterwards. Raises ChildFailed, and TimeoutError once the time is up.
    """
    with subprocess.Popen(
        arguments,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as child:
        try:
            said, complained = waited_for(child, tick, time.monotonic() + seconds)
        finally:
            child.kill()
    if child.returncode:
        raise ChildFailed((complained.strip().splitlines() or [""])[-1])
    return said


def waited_for(child: subprocess.Popen[str], tick: Callable[[], None], deadline: float) -> tuple[str, str]:
    while True:
        try:
            return child.communicate(timeout=TICK)
        except subprocess.TimeoutExpired:
            tick()
            if time.monotonic() > deadline:
                raise TimeoutError from None
