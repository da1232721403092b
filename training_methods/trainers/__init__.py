"""Training itself, in plain Python: no Django, no Celery, no database. See docs/developer-guide.md."""

from training_methods.trainers.base import (
    BASICS,
    SUPERVISED,
    DataFormat,
    Inputs,
    MethodType,
    Run,
    Trainer,
    TrainingError,
    register,
)

__all__ = ["BASICS", "SUPERVISED", "DataFormat", "Inputs", "MethodType", "Run", "Trainer", "TrainingError", "register"]
