"""A stage for every test: a fresh data directory, no broker or database from outside, no network.

A plugin and not a conftest, since Django's settings are read before any conftest is.
"""

import atexit
import os
import signal
import tempfile
from pathlib import Path

DATA_DIR = tempfile.TemporaryDirectory(prefix="deepext-test-")
atexit.register(DATA_DIR.cleanup)  # else Python does it and warns of it
os.environ["DEEPEXT_DATA_DIR"] = DATA_DIR.name
os.environ["HF_HUB_OFFLINE"] = "1"
for name in ("DEEPEXT_TRAINERS_DIR", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "DEBUG"):
    os.environ.pop(name, None)

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # in a shell's background; whatever we start would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    """A broker outlives users that were killed, and here nobody comes after them to end it."""
    from training_jobs import broker

    home = Path(DATA_DIR.name)
    if broker.answers(broker.socket_path(home)):
        with broker.running(home):
            pass
