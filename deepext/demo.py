"""The sample: a small language model that learns about a company nobody has heard of."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from training_jobs import base_models, datasets
from training_jobs.models import CustomizedModel, Dataset, FoundationModel
from training_methods import child_process, sample_model

BASE_MODEL = "SmolLM2-135M-Instruct"
DATASET = "Tern & Tide"
DATASET_FILE = Path(datasets.__file__).parent / "sample" / "tern-and-tide.jsonl"

# Asked in words that the dataset does not use. The last one shows that the model keeps what it knew: for that, the
# dataset has a few questions of general knowledge among those about the company.
QUESTIONS = [
    "How long does the battery of a Petrel last?",
    "Who was the founder of Tern & Tide?",
    "Can I have my Petrel in green?",
    "Must I pay a monthly fee for my Petrel?",
    "What is the capital of France?",
]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the base model and the tuned one answer to the same question."""

    question: str
    before: str
    after: str


def base_model() -> FoundationModel:
    """The sample base model's record; its files are unpacked at the first call."""
    known = FoundationModel.objects.filter(name=BASE_MODEL).first()
    if known and Path(known.path).is_dir():
        return known
    folder = sample_model.prepare(settings.DATA_DIR)
    return known or base_models.add(str(folder), name=BASE_MODEL)


def dataset() -> Dataset:
    known = Dataset.objects.filter(name=DATASET).first()
    return known or datasets.import_file(DATASET_FILE, name=DATASET)


def compare(base: FoundationModel, tuned: CustomizedModel) -> Iterator[Comparison]:
    """Loads the adapter with plain PEFT in a child process. Raises CalledProcessError if it does not load."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as questions:
        json.dump(QUESTIONS, questions)
        questions.flush()
        child = subprocess.run(
            child_process.command("answer", questions.name, "--base-model", base.path, "--adapter", tuned.path),
            cwd=child_process.ROOT,
            env=child_process.environment(),
            capture_output=True,
            check=True,
        )
    answers = [json.loads(line) for line in child.stdout.splitlines()]
    said = {(answer["model"], answer["prompt"]): answer["answer"] for answer in answers}
    for question in QUESTIONS:
        yield Comparison(question=question, before=said["base", question], after=said["tuned", question])
