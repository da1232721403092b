"""What the page of a customized model tells of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training_jobs import lineage, metrics, setting_names
from training_jobs.archives import files_of
from training_jobs.lineage import Setting
from training_jobs.metric_labels import label_of
from training_jobs.metrics import Curve
from training_jobs.models import CustomizedModel, TrainingJob
from training_methods.trainers import model_card

MOST_OF_A_CARD = 64 * 1024  # characters
LOWER, HIGHER = min, max

# What is told of a result, and which way is better.
SCORES = {
    "loss": LOWER,
    "mean_token_accuracy": HIGHER,
    "reward": HIGHER,
    "rewards/accuracies": HIGHER,
    "accuracy": HIGHER,
    "eval_loss": LOWER,
    "eval_mean_token_accuracy": HIGHER,
    "eval_reward": HIGHER,
    "eval_rewards/accuracies": HIGHER,
    "eval_accuracy": HIGHER,
}


@dataclass(frozen=True, kw_only=True)
class Score:
    metric: str
    label: str
    last: float
    best: float
    best_step: int


def scores(job: TrainingJob) -> list[Score]:
    """The last and the best value of each metric that tells how good the result is."""
    curves = metrics.read(job.pk, most=metrics.DRAWN).curves
    return [score for name in SCORES if name in curves and (score := score_of(name, curves[name]))]


def score_of(name: str, curve: Curve) -> Score | None:
    points = [(value, step) for value, step in zip(curve.values, curve.steps, strict=True) if value is not None]
    if not points:
        return None
    best, step = SCORES[name](points, key=lambda point: point[0])
    return Score(metric=name, label=label_of(name), last=points[-1][0], best=best, best_step=step)


def base_folder(model: CustomizedModel) -> Path | None:
    """Where its base model lies, or lay when the train was started."""
    if model.train:
        path = model.train.base_model_snapshot.get("path")
    else:
        path = model.base_model.path if model.base_model else None
    return Path(path) if path else None


def usage(model: CustomizedModel) -> str:
    """Python that loads it where it lies. Empty where that cannot be told."""
    folder, base = Path(model.path), base_folder(model)
    is_model = (folder / "config.json").exists() or (model_card.is_adapter(folder) and base)
    return model_card.usage_in_place(folder, base or folder) if is_model else ""


def base_license(model: CustomizedModel) -> str:
    """What is tuned stays under it."""
    if model.base_model and model.base_model.license_name:
        return model.base_model.license_name
    return (model_card.license_of(Path(model.path)) or "").partition(":")[2].strip()


def settings_of(job: TrainingJob) -> Iterator[tuple[Setting, bool]]:
    """Each parameter with its value and whether somebody changed it, the changed ones first."""
    changed = set(job.changed_parameters)
    settings = lineage.settings(job.parameters, setting_names.labels(job))
    for setting in sorted(settings, key=lambda setting: setting.name not in changed):
        yield setting, setting.name in changed


def card_in(folder: Path) -> str:
    """The model card, as far as a page can show it."""
    path = folder / "README.md"
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as card:
        return card.read(MOST_OF_A_CARD)


def sizes_in(folder: Path) -> list[tuple[Path, int]]:
    """Each file of the folder with its size in bytes."""
    return [(path.relative_to(folder), path.stat().st_size) for path in files_of(folder)]
