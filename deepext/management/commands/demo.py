import sys
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from deepext import console, demo
from training_jobs import broker
from training_jobs.follow import follow
from training_jobs.models import Dataset, FoundationModel, Status, TrainingJob
from training_jobs.submission import submit
from training_methods.models import TrainingMethod
from training_methods.sample_model import SampleError

PARAMETERS = {"epochs": 2, "batch_size": 4, "learning_rate": 1.5e-3, "rank": 8}


class Command(BaseCommand):
    help = "Fine-tunes the sample model once, the way every job goes: queue, worker, child process, adapter."

    def handle(self, **options: Any) -> None:
        self.say("A small language model learns about Tern & Tide, a company nobody has heard of.\n")
        console.prepare()
        base, dataset = self.inputs()
        with (
            (settings.DATA_DIR / "demo-worker.log").open("ab") as log,
            broker.running(settings.DATA_DIR),
            console.started(console.worker_command(), output=log, DEEPEXT_WARM_PARENT="off"),  # there is one job
        ):
            job = self.train(base, dataset)
        self.compare(base, job)
        self.say(f"\nFinal loss  {job.latest_metrics['loss']:.3f}")
        self.say(f"Adapter     {job.customized_model.path}")
        self.say("Console     make run, then look under Train and Models")

    def inputs(self) -> tuple[FoundationModel, Dataset]:
        self.say("1  The base model, unpacked once …")
        try:
            base = demo.base_model()
        except SampleError as error:
            raise CommandError(str(error)) from error
        self.say(f"   {base.name}: {base.parameter_count:,} parameters in {base.path}")
        self.say("2  The dataset")
        dataset = demo.dataset()
        self.say(f"   {dataset.name}: {dataset.row_count} rows of the format {dataset.data_format}")
        return base, dataset

    def train(self, base: FoundationModel, dataset: Dataset) -> TrainingJob:
        self.say("3  A LoRA job, through the queue to a worker")
        method = TrainingMethod.objects.get(internal_name="lora")
        job = submit(method=method, base_model=base, dataset=dataset, name="demo", values=PARAMETERS)
        job = follow(job, sys.stderr)
        if job.status != Status.SUCCEEDED:
            reason = job.failure["message"] if job.failure else "It was cancelled."
            raise CommandError(f"The job {job.pk} is {job.status}: {reason}")
        return job

    def compare(self, base: FoundationModel, job: TrainingJob) -> None:
        self.say("4  The same questions, before and after")
        for comparison in demo.compare(base, job.customized_model):
            self.say(f"\n   {comparison.question}")
            self.say(f"     before  {one_line(comparison.before)}")
            self.say(f"     after   {one_line(comparison.after)}")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def one_line(answer: str, length: int = 100) -> str:
    line = " ".join(answer.split())
    return line if len(line) <= length else f"{line[:length]}…"
