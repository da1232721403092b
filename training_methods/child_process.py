"""How a child process of the trainers is started: its command, its folder, its environment."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECRETS = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL")  # nothing that a trainer's code should see


def command(*arguments: object) -> list[str]:
    """`python -m training_methods.trainers …`, to be run in ROOT."""
    return [sys.executable, "-m", "training_methods.trainers", *map(str, arguments)]


def environment() -> dict[str, str]:
    """Ours without its secrets. The hub is left alone, unless HF_HUB_OFFLINE=0 says otherwise."""
    return {"HF_HUB_OFFLINE": "1"} | {name: value for name, value in os.environ.items() if name not in SECRETS}
