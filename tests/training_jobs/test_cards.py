"""GPUs: which there are, and that each is one job's alone."""

import multiprocessing
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import signals

from training_jobs import cards, tasks  # noqa: F401 (tasks hear of a worker's start)
from training_jobs.cards import Card

TWO_WHOLE = """GPU 0: NVIDIA H200 (UUID: GPU-aaa1)
GPU 1: NVIDIA H200 (UUID: GPU-bbb2)
"""
ONE_DIVIDED = """GPU 0: NVIDIA A100 (UUID: GPU-aaa1)
  MIG 3g.20gb     Device  0: (UUID: MIG-c3)
  MIG 4g.20gb     Device  1: (UUID: MIG-d4)
GPU 1: NVIDIA A100 (UUID: GPU-bbb2)
"""


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    """Locks of the test's own, whatever runs on this machine."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def ids(text: str, wanted: str | None) -> list[str]:
    return [card.id for card in cards.allowed(cards.listed(text), wanted)]


def test_it_lists_cards_by_name_and_id():
    assert cards.allowed(cards.listed(TWO_WHOLE), None)[0] == Card("GPU-aaa1", "NVIDIA H200")


def test_a_divided_card_is_its_parts():
    assert ids(ONE_DIVIDED, None) == ["MIG-c3", "MIG-d4", "GPU-bbb2"]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        *[("1", ["GPU-bbb2"]), ("1,0", ["GPU-bbb2", "GPU-aaa1"]), ("0,7,1", ["GPU-aaa1"])],
        *[("GPU-b", ["GPU-bbb2"]), ("", []), ("-1", [])],
    ],
)
def test_it_keeps_to_what_cuda_visible_devices_allows(wanted, left):
    assert ids(TWO_WHOLE, wanted) == left


@pytest.fixture
def nvidia_smi(monkeypatch, tmp_path) -> Path:
    """One that tells of two GPUs."""
    script = tmp_path / "nvidia-smi"
    script.write_text(f"#!/bin/sh\ncat <<END\n{TWO_WHOLE}END\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return script


def test_it_asks_nvidia_smi(nvidia_smi, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")

    assert cards.found() == [Card("GPU-bbb2", "NVIDIA H200")]


def test_it_asks_how_much_memory_each_has(nvidia_smi, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    sizes = "GPU-aaa1, 40960 MiB\nGPU-bbb2, 81559 MiB\n"
    nvidia_smi.write_text(
        f'#!/bin/sh\nif [ "$1" = -L ]; then cat <<END\n{ONE_DIVIDED}END\nelse cat <<END\n{sizes}END\nfi\n'
    )

    assert [card.memory for card in cards.found()] == [None, None, 81559 * 2**20]


def test_a_worker_that_hears_of_no_card_in_time_ends(nvidia_smi, monkeypatch):
    nvidia_smi.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(cards, "SECONDS_TO_ANSWER", 0.2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    worker = SimpleNamespace(app=SimpleNamespace(conf=SimpleNamespace()), concurrency=1)

    with pytest.raises(SystemExit, match="does not know its GPUs"):
        signals.celeryd_after_setup.send(sender="worker", instance=worker)


def test_one_that_is_to_use_none_does_not_ask(nvidia_smi, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    nvidia_smi.write_text("#!/bin/sh\nexec sleep 60\n")

    assert cards.found() == []


def test_without_nvidia_smi_there_are_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert cards.found() == []


def test_a_kept_card_is_nobody_elses_until_it_is_let_go():
    with cards.choosing(["a", "b"]) as free:
        kept = free.keep(1)
    with kept, cards.choosing(["a", "b"]) as others:
        assert sorted([*kept, *others]) == ["a", "b"]

    with cards.choosing(["a", "b"]) as free:
        assert sorted(free) == ["a", "b"]


def test_a_killed_process_holds_no_card():
    fork = multiprocessing.get_context("fork")
    has_it = fork.Event()
    process = fork.Process(target=keep_one, args=(has_it,))
    process.start()
    assert has_it.wait(60)
    with cards.choosing(["a"]) as free:
        assert not free

    os.kill(process.pid, signal.SIGKILL)
    process.join()

    with cards.choosing(["a"]) as free:
        assert list(free) == ["a"]


def keep_one(has_it) -> None:
    with cards.choosing(["a"]) as free:
        kept = free.keep(1)
    with kept:
        has_it.set()
        signal.pause()
