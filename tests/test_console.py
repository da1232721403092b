"""Stopping the console's processes."""

import signal
import sys
from pathlib import Path

import pytest

from deepext import console
from tests.training_jobs.engine import wait_for

TAKES_A_SECOND_TO_STOP = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), sys.exit(0)))
Path(sys.argv[1]).touch()
time.sleep(1000)
"""


@pytest.mark.parametrize(("lease", "code"), [(60.0, 0), (0.2, -signal.SIGKILL)])
def test_they_are_killed_after_the_time_that_trainings_have_to_save(tmp_path, settings, monkeypatch, lease, code):
    monkeypatch.setattr(console, "LEAVING", 0)
    settings.LEASE_SECONDS = lease
    ready = Path(tmp_path, "ready")

    with console.started([sys.executable, "-c", TAKES_A_SECOND_TO_STOP, str(ready)]) as processes:
        assert wait_for(ready.exists)

    assert processes[0].returncode == code
