"""A disk that is full while a checkpoint is written, and a training that prints without end."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.training_jobs.engine import LEARNS, job_of, run_now
from training_jobs import log_lines, run_folders
from training_jobs.models import Status
from training_methods.trainers.keeper import LOG_HEAD, LOG_TAIL

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_said_and_leaves_earlier_checkpoints_as_they_are(data_dir):
    fills = '(folder / "step").symlink_to("/dev/full") if step == 3 else None\n        (folder / "step").write'
    job = job_of(data_dir, LEARNS.replace('(folder / "step").write', fills))

    run_now(job)

    job.refresh_from_db()
    assert (job.status, job.failure["message"]) == (Status.FAILED, "The disk is full.")
    checkpoint = run_folders.newest_checkpoint(job)
    assert (checkpoint.step, (Path(checkpoint.path) / "step").read_text()) == (2, "2")


@pytest.fixture
def small_disk(data_dir, settings) -> Iterator[Path]:
    """All that jobs write is on a disk of 2 MB."""
    disk = data_dir / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a disk needs root")
    settings.DATA_DIR, settings.DISK_RESERVE_GB = disk, 0
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_disk_that_is_full_to_the_last_byte_is_said_too(small_disk):
    """There is no room left for the words of the training either."""
    fills = 'step == 3 and (folder / "weights").write_bytes(bytes(4 << 20))\n        (folder / "step").write'
    job = job_of(small_disk, LEARNS.replace('(folder / "step").write', fills))

    run_now(job)

    job.refresh_from_db()
    assert (job.status, job.failure["message"]) == (Status.FAILED, "The disk is full.")
    checkpoint = run_folders.newest_checkpoint(job)
    assert (checkpoint.step, (Path(checkpoint.path) / "step").read_text()) == (2, "2")


@pytest.mark.skipif(sys.platform != "linux", reason="holes in files are Linux's")
def test_a_disk_that_is_full_before_it_starts_is_said_as_well(small_disk):
    job = job_of(small_disk)
    with suppress(OSError):
        (small_disk / "full").write_bytes(bytes(8 << 20))

    with pytest.raises(OSError, match="No space left"):
        run_now(job)

    job.refresh_from_db()
    assert (job.status, job.failure["message"]) == (Status.FAILED, "The disk is full.")


# It ends once its keeper has seen all of it, a second later or so.
PRINTS_A_GIGABYTE = f"""
    for n in range(1000):
        os.write(1, b"%07d\\n" % n * 131072)
    for _ in range(1200):
        if os.fstat(1).st_blocks * 512 < {LOG_HEAD + 3 * LOG_TAIL}:
            break
        time.sleep(0.05)
"""


def test_a_training_that_prints_a_gigabyte_fills_neither_disk_nor_database(data_dir):
    job = job_of(data_dir, PRINTS_A_GIGABYTE + LEARNS)

    run_now(job)

    job.refresh_from_db()
    file = job.attempt_directory(1) / "train.log"
    assert (job.status, file.stat().st_size) == (Status.SUCCEEDED, 1000 * 2**20)
    assert file.stat().st_blocks * 512 < LOG_HEAD + 3 * LOG_TAIL
    assert sum(chunk.size for chunk in job.log_chunks.all()) < 10 * 2**20
    assert log_lines.tail(job.pk, 1).lines[0].text.endswith("0000999")
