"""`make bench`: each subject measures its ways side by side in one run. Ratios count; machines are noisy."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from redis import Redis, RedisError

SUBJECTS = ("datasets", "curves", "first_curve", "queue", "storing", "pages", "start", "ppo")
EMPTY_DATABASE = 15
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    wanted = sys.argv[1:] or SUBJECTS
    with tempfile.TemporaryDirectory(prefix="deepext-bench-") as data_dir, a_redis() as redis_url:
        os.environ |= {
            "REDIS_URL": redis_url,
            "DEEPEXT_DATA_DIR": data_dir,
            "DEEPEXT_TRAINERS_DIR": f"{data_dir}/trainers",
            "DJANGO_SETTINGS_MODULE": "deepext.settings",
            "LOG_LEVEL": "WARNING",
        }
        import django

        django.setup()
        from deepext import console

        console.prepare()
        for subject in wanted:
            run(subject)


@contextmanager
def a_redis() -> Iterator[str]:
    """The one of REDIS_URL, else an empty database of a server on this machine. Without either, the embedded broker."""
    if given := os.environ.get("REDIS_URL"):
        yield given
        return
    with Redis(db=EMPTY_DATABASE, socket_connect_timeout=1) as client:
        try:
            is_ours = client.dbsize() == 0
        except RedisError:
            is_ours = False
        try:
            yield f"redis://localhost:6379/{EMPTY_DATABASE}" if is_ours else ""
        finally:
            if is_ours:
                client.flushdb()


def run(subject: str) -> None:
    module = import_module(f"benchmarks.{subject}")
    rows = module.measure()
    print(f"\n{(module.__doc__ or subject).strip().splitlines()[0]}")
    for row in rows:
        print("  " + "  ".join(f"{name} {value}" for name, value in row.items()))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{subject}.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
