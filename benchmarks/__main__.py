"""`make bench`: each subject measures its ways side by side in one run. Ratios count; machines are noisy."""

import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

SUBJECTS = ("pages", "datasets", "curves", "queue", "start", "ppo")
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    wanted = sys.argv[1:] or SUBJECTS
    with tempfile.TemporaryDirectory(prefix="deepext-bench-") as data_dir:
        os.environ |= {
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
