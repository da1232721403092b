"""Datasets: importing 40 MB of JSON lines beside only decoding and hashing the same file."""

import hashlib
import json
import time
import tracemalloc
from pathlib import Path

from django.conf import settings

from training_jobs import datasets
from training_methods.trainers import DataFormat
from training_methods.trainers.rows import read_rows

ROWS = 200_000


def measure() -> list[dict[str, object]]:
    path = Path(settings.DATA_DIR) / "rows.jsonl"
    path.write_text(
        "".join(json.dumps({"question": f"Who is number {n}?", "answer": "x" * 150}) + "\n" for n in range(ROWS))
    )
    ways = {
        "json.loads and SHA-256": lambda: decode_and_hash(path),
        "read_rows, as a trainer reads": lambda: sum(1 for _ in read_rows(path, DataFormat.QUESTION_ANSWER, {})),
        "import_file, every row checked": lambda: datasets.import_file(path, name="benchmark"),
    }
    seconds = {name: timed(way) for name, way in ways.items()}
    first = next(iter(seconds.values()))
    rows: list[dict[str, object]] = [
        {"way": name, "s": round(taken, 2), "ratio": round(taken / first, 2)} for name, taken in seconds.items()
    ]
    return [*rows, {"way": "read_rows, peak of Python's memory", "kB": round(peak_kilobytes(path))}]


def decode_and_hash(path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for line in file:
            digest.update(line)
            json.loads(line)


def timed(way: object) -> float:
    """Wall time, since an import is checked in a process of its own."""
    start = time.perf_counter()
    way()  # type: ignore[operator]
    return time.perf_counter() - start


def peak_kilobytes(path: Path) -> float:
    tracemalloc.start()
    for _ in read_rows(path, DataFormat.QUESTION_ANSWER, {}):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1024
