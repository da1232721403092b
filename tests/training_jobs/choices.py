"""What somebody has chosen in the form that starts a train, and what the rail then says."""

from pathlib import Path
from typing import Any

from tests.training_jobs import records
from training_jobs import estimates
from training_jobs.drafts import Draft, Settings
from training_jobs.estimates import Line
from training_jobs.forms.jobs import TrainForm
from training_methods import catalog


def made(data_dir: Path) -> dict[str, Any]:
    """LoRA, a base model, and 1,000 rows in a file of 400,000 bytes."""
    rows = data_dir / "rows.jsonl"
    rows.touch()
    base_model = records.base_model(path=str(data_dir), parameter_count=10**9, size_bytes=2 * 10**9)
    dataset = records.dataset(path=str(rows), row_count=1000, size_bytes=400_000)
    return {"base_model": base_model.pk, "dataset": dataset.pk, "seed": "7"} | of_method("lora")


def of_method(trainer: str, **config: Any) -> dict[str, Any]:
    """A method of this trainer, with all its settings as they are at first."""
    records.method(internal_name=trainer, display_name=trainer, trainer=trainer, config=config)
    values = {one.name: one.default for one in catalog.get(trainer).parameters}
    sent = {f"p-{name}": "" if value is None else value for name, value in values.items() if value is not False}
    return {"method": trainer, "settings_of": trainer, "view": "all", "shown_as": "fields"} | sent


def draft(chosen: dict[str, Any]) -> Draft:
    return Draft.of(TrainForm(initial=chosen), Settings.of(chosen["method"], chosen))


def rail(chosen: dict[str, Any], expert) -> dict[str, Line]:
    return {line.what: line for line in estimates.of(draft(chosen), expert).lines}
