"""The options of commands that read a dataset file: what its rows are, and which of its columns is which."""

import argparse
from typing import Any

from training_methods.trainers import DataFormat, unread_rows
from training_methods.trainers.survey import Survey


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=[str(option) for option in DataFormat], help="default: detected")
    parser.add_argument(
        "--map", action="append", default=[], type=assignment, metavar="NAME=COLUMN",
        help="the file's column for one of the format's, as in prompt=Question; may be given several times",
    )  # fmt: skip


def assignment(text: str) -> tuple[str, str]:
    name, equals, column = text.partition("=")
    if not (name and equals and column):
        raise argparse.ArgumentTypeError(f"“{text}” is not of the form prompt=Question")
    return name, column


def chosen(options: dict[str, Any]) -> tuple[DataFormat | None, dict[str, str]]:
    """The format, None if it is to be detected, and the format's column → the file's."""
    return DataFormat(options["format"]) if options["format"] else None, dict(options["map"])


def advice(found: Survey) -> str:
    """A line for a file whose columns may only have other names; empty for any other."""
    hopeless = unread_rows.COLUMNS.keys() & set(found.columns)
    if hopeless or not found.lacks_format:
        return ""
    return f"\nSay which is which, once for each: --map NAME=COLUMN, as in --map prompt={found.columns[0]}"
