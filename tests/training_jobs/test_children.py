"""Children that are forked from a warm parent, beside those that are processes of their own."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.trainers.child import a_warm_parent
from tests.training_jobs.engine import has_gone, wait_for
from tests.training_jobs.own_run import SUCCEEDS, own_run
from training_jobs import stillness
from training_jobs.children import Fresh
from training_jobs.processes import Waiting
from training_jobs.supervisor import Interrupted, Supervisor
from training_methods import warm_parent
from training_methods.trainers.events import Event, Finished, Metrics, Note
from training_methods.warm_parent import Forked, WarmParent

pytestmark = pytest.mark.skipif(not warm_parent.SUPPORTED, reason="a warm parent needs Linux")

LASTS = "run.metrics(1, 2, loss=1.0)\ntime.sleep(1000)"
MULTIPLIES = f"""
import torch
run.note(f"{{torch.get_num_threads()}} threads")
product = torch.rand(512, 512) @ torch.rand(512, 512)
run.metrics(1, 1, loss=float(product.mean()))
{SUCCEEDS}
"""
HAS_THREADS = """
import sys
if "warm" in sys.argv or "warm" in sys.orig_argv:
    import torch
    torch.set_num_threads(2)
    torch.rand(512, 512) @ torch.rand(512, 512)
"""


@pytest.fixture(scope="module")
def parent() -> Iterator[WarmParent]:
    with a_warm_parent() as parent:
        yield parent


def events_of(child: Supervisor) -> list[Event]:
    return [event for batch in child.watch() for event in batch.events]


def test_it_is_forked_where_there_is_a_warm_parent(tmp_path, parent):
    with Supervisor(own_run(tmp_path, SUCCEEDS), warm_parent_at=parent.path) as child:
        assert isinstance(child._process, Forked)
        events_of(child)

    assert isinstance(child.ending(), Finished)


@pytest.mark.parametrize("reason", ["there is none", "code has changed"])
def test_it_is_a_process_of_its_own_where_nothing_can_be_forked(tmp_path, parent, monkeypatch, reason):
    if reason == "code has changed":
        monkeypatch.setattr(warm_parent, "code", lambda: "changed")
    path = parent.path if reason == "code has changed" else tmp_path / "nobody"
    with Supervisor(own_run(tmp_path, SUCCEEDS), warm_parent_at=path) as child:
        assert isinstance(child._process, Fresh)
        events_of(child)

    assert isinstance(child.ending(), Finished)


def test_it_ends_with_what_it_started_when_it_is_no_longer_watched(tmp_path, parent):
    body = "import subprocess\nrun.note(str(subprocess.Popen(['sleep', '1000']).pid))\n" + LASTS
    with Supervisor(own_run(tmp_path, body), warm_parent_at=parent.path) as child:
        grandchild = int(next(e.text for b in child.watch() for e in b.events if isinstance(e, Note)))

    assert wait_for(lambda: has_gone(child.pid) and has_gone(grandchild))


def test_it_is_tried_again_when_the_warm_parent_was_lost(tmp_path):
    with a_warm_parent() as parent, Supervisor(own_run(tmp_path, LASTS), warm_parent_at=parent.path) as child:
        for batch in child.watch():
            if any(isinstance(event, Metrics) for event in batch.events):
                parent.process.kill()
        ending = child.ending()

    assert isinstance(ending, Interrupted)
    assert ending.why.message == "The worker's warm parent was lost, and the training with it."


def test_one_that_hangs_goes_on_in_a_process_of_its_own(tmp_path, monkeypatch):
    """A warm parent that has computed in parallel: whoever is forked from it and computes in parallel hangs."""
    monkeypatch.setattr(stillness, "PATIENCE", 3.0)
    (tmp_path / "sitecustomize.py").write_text(HAS_THREADS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with a_warm_parent(threads=2) as spoilt:
        run_dir = own_run(tmp_path, MULTIPLIES, threads=2)
        with Supervisor(run_dir, threads=2, warm_parent_at=spoilt.path) as child:
            told = events_of(child)
            ending = child.ending()

    notes = [event.text for event in told if isinstance(event, Note)]
    assert [notes[0], notes[-1]] == ["2 threads", "2 threads"]
    assert "hung before its first step" in notes[1]
    assert isinstance(ending, Finished)


@pytest.mark.parametrize(
    "waits",
    [
        "time.sleep(3)",
        "import subprocess\nsubprocess.run(['sleep', '3'])",
        "import threading\nthread = threading.Thread(target=time.sleep, args=(3,))\nthread.start()\nthread.join()",
        "import select, socket\nours, theirs = socket.socketpair()\nselect.select([ours], [], [], 3)",
    ],
    ids=["a clock", "a process", "a thread that waits", "the network"],
)
def test_one_that_waits_is_left_alone(tmp_path, parent, monkeypatch, waits):
    monkeypatch.setattr(stillness, "PATIENCE", 1.0)
    body = f"{waits}\nrun.metrics(1, 1, loss=1.0)\n{SUCCEEDS}"
    with Supervisor(own_run(tmp_path, body), warm_parent_at=parent.path) as child:
        told = events_of(child)

    assert [event.kind for event in told] == ["metrics", "finished"]


@pytest.mark.parametrize(
    ("threads", "hangs"),
    [
        ([("S", "futex_do_wait"), ("S", "anon_pipe_read")], True),
        ([("S", "futex_do_wait"), ("D", "folio_wait_bit_common")], False),
        ([("S", "futex_do_wait"), ("R", "")], False),
        ([("S", "anon_pipe_read"), ("S", "anon_pipe_read")], False),
        ([("T", "do_signal_stop")], False),
        ([("S", ""), ("S", "")], True),
    ],
    ids=["locked", "reads the disk", "computes", "waits for another process", "stopped", "the kernel does not tell"],
)
def test_only_threads_in_locks_hang(threads, hangs):
    assert stillness.are_locks([Waiting(state=state, where=where) for state, where in threads]) is hangs


def test_a_stop_is_passed_on(tmp_path, parent):
    body = "run.metrics(1, 2, loss=1.0)\nwhile not run.stop_requested:\n    time.sleep(0.05)"
    with Supervisor(own_run(tmp_path, body), warm_parent_at=parent.path) as child:
        for batch in child.watch():
            if any(isinstance(event, Metrics) for event in batch.events):
                child.stop()

    assert child.ending().outcome == "stopped"


def test_one_killed_from_outside_is_tried_again(tmp_path, parent):
    with Supervisor(own_run(tmp_path, LASTS), warm_parent_at=parent.path) as child:
        for batch in child.watch():
            if any(isinstance(event, Metrics) for event in batch.events):
                os.kill(child.pid, signal.SIGKILL)

    assert isinstance(child.ending(), Interrupted)
