"""Stopping the console's processes."""

import signal
import sys
from pathlib import Path

import pytest

from deepext import console
from tests.training_jobs.engine import wait_for

TAKES_SOME_TIME_TO_STOP = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(float(sys.argv[2])), sys.exit(0)))
Path(sys.argv[1]).touch()
time.sleep(1000)
"""


@pytest.mark.parametrize(("lease", "takes", "code"), [(600.0, 1, 0), (0.2, 600, -signal.SIGKILL)])
def test_they_are_killed_after_the_time_that_trainings_have_to_save(
    tmp_path, settings, monkeypatch, lease, takes, code
):
    monkeypatch.setattr(console, "LEAVING", 0)
    settings.LEASE_SECONDS = lease
    ready = Path(tmp_path, "ready")

    with console.started([sys.executable, "-c", TAKES_SOME_TIME_TO_STOP, str(ready), str(takes)]) as processes:
        assert wait_for(ready.exists)

    assert processes[0].returncode == code
