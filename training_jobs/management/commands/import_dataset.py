import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from training_jobs import datasets
from training_jobs.models import Dataset
from training_methods import column_options
from training_methods.trainers import DataFormat


class Command(BaseCommand):
    help = "Checks a dataset file (JSONL, JSON, CSV or Parquet) and brings it in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--name", default="", help="default: the file's name without its extension")
        column_options.add_to(parser)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        data_format, mapping = column_options.chosen(options)
        try:
            dataset = datasets.import_file(
                options["file"], name=options["name"], data_format=data_format, mapping=mapping
            )
        except datasets.BadDataset as bad:
            raise CommandError(sentence_and_rows(bad)) from bad
        self.stdout.write(json.dumps(described(dataset)) if options["json"] else line_about(dataset))


def sentence_and_rows(bad: datasets.BadDataset) -> str:
    """The sentence, and where it speaks of several rows, each of them on a line of its own."""
    if len(bad.problems) < 2:
        return f"{bad}{column_options.advice(bad.survey)}"
    rows = [f"  {bad.unit} {problem.number}: {problem.reason}" for problem in bad.problems]
    more = bad.survey.problem_count - len(rows)
    return "\n".join([str(bad), *rows, *[f"  … and {more} more"] * (more > 0)])


def line_about(dataset: Dataset) -> str:
    label = DataFormat(dataset.data_format).label
    imported = f"Imported “{dataset.name}”: {dataset.row_count:,} rows, {label}, SHA-256 {dataset.sha256[:12]}…"
    others = ", ".join(f"“{column}”" for column in unread(dataset))
    return f"{imported}\nNo part of this format, and not read: {others}" if others else imported


def unread(dataset: Dataset) -> list[str]:
    """The file's columns that trainers do not get to see."""
    read = DataFormat(dataset.data_format).needed(dataset.mapping)
    return [] if read is None else [column for column in dataset.columns if column not in read]


def described(dataset: Dataset) -> dict[str, Any]:
    return {
        "id": dataset.pk,
        "name": dataset.name,
        "format": dataset.data_format,
        "mapping": dataset.mapping,
        "columns": dataset.columns,
        "file_type": dataset.file_type,
        "rows": dataset.row_count,
        "size": dataset.size_bytes,
        "sha256": dataset.sha256,
        "path": dataset.path,
    }
