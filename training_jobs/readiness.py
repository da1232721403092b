"""Whether a site can start a train at all."""

from training_jobs.models import Dataset, FoundationModel
from training_methods.models import TrainingMethod


def missing() -> dict[str, bool]:
    """What has to be there before a train can start, and is not."""
    records = {"method": TrainingMethod, "base_model": FoundationModel, "dataset": Dataset}
    return {name: True for name, record in records.items() if not record._default_manager.exists()}
