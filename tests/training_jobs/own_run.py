"""The folder of a run, as its supervisor lays it out, for a trainer that does what a test says."""

import json
from pathlib import Path

from tests.training_jobs.engine import write_trainer

SUCCEEDS = "(run.output / 'config.json').write_text('{}')"


def own_run(folder: Path, body: str, **spec: object) -> Path:
    run_dir = folder / "job" / "attempt-1"
    run_dir.mkdir(parents=True)
    (folder / "rows.jsonl").write_text('{"text": "hello"}\n')
    given = {
        "trainer": "mine",
        "trainer_file": str(write_trainer(folder, "mine", body)),
        "parameters": {},
        "base_model": str(folder),
        "dataset": {"path": str(folder / "rows.jsonl"), "data_format": "text"},
        "output": str(run_dir / "output"),
        "checkpoints": str(run_dir / "checkpoints"),
        **spec,
    }
    (run_dir / "run.json").write_text(json.dumps(given))
    return run_dir
