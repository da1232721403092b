"""`python -m training_methods.trainers …`: what is done in a child process.

`run` and `warm` are for a supervisor, which holds the pipe on their standard input open as long as they are wanted.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TextIO

from training_methods.trainers import discovery, stage
from training_methods.trainers.base import TrainingError


def own_stdout() -> TextIO:
    """The real standard output; from now on whatever else is printed, by any code, goes to standard error."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return kept


def run(options: argparse.Namespace) -> int:
    return stage.perform(options.directory.resolve())


def warm(options: argparse.Namespace) -> int:
    from training_methods.trainers import warm

    warm.serve(options.socket, options.code)


def describe(options: argparse.Namespace) -> int:
    out = own_stdout()
    if options.entry_point:
        description = discovery.describe_entry_point(*options.entry_point)
    elif options.files:
        description = discovery.merged([discovery.describe_file(file.resolve()) for file in options.files])
    else:
        description = discovery.describe_built_in()
    print(description.model_dump_json(), file=out, flush=True)
    return 0


def convert_gguf(options: argparse.Namespace) -> int:
    from training_methods.trainers import gguf

    gguf.convert(options.source, options.target)
    return 0


def answer(options: argparse.Namespace) -> int:
    out = own_stdout()
    from training_methods.trainers import answers

    for line in answers.given(options.prompts, options.base_model, options.adapter, max_tokens=options.max_tokens):
        print(line.model_dump_json(), file=out, flush=True)
    return 0


def load(options: argparse.Namespace) -> int:
    out = own_stdout()
    from training_methods.trainers import result

    print(result.check(options.output, options.base_model), file=out, flush=True)
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m training_methods.trainers", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("run", help="run the trainer that a run folder describes")
    command.add_argument("directory", type=Path)
    command.set_defaults(perform=run)

    command = commands.add_parser("warm", help="import the training stack once, and fork a child for each run")
    command.add_argument("socket", type=Path)
    command.add_argument("code", help="what a request has to name too: it stands for the code that is imported")
    command.set_defaults(perform=warm)

    command = commands.add_parser(
        "describe", help="say as JSON what trainers offer: the built-in ones, or those of files"
    )
    command.add_argument("files", nargs="*", type=Path)
    command.add_argument("--entry-point", nargs=2, metavar=("NAME", "VALUE"), help="that of an installed package")
    command.set_defaults(perform=describe)

    command = commands.add_parser("convert-gguf", help="unpack a GGUF file into a model folder")
    command.add_argument("source", type=Path)
    command.add_argument("target", type=Path)
    command.set_defaults(perform=convert_gguf)

    command = commands.add_parser("answer", help="answer prompts, with and without an adapter")
    command.add_argument("prompts", type=Path, help="a JSON file with a list of prompts")
    command.add_argument("--base-model", type=Path, required=True)
    command.add_argument("--adapter", type=Path)
    command.add_argument("--max-tokens", type=int, default=64)
    command.set_defaults(perform=answer)

    command = commands.add_parser("load", help="load what a training left, and say what it is")
    command.add_argument("output", type=Path)
    command.add_argument("--base-model", type=Path, required=True)
    command.set_defaults(perform=load)
    return top


if __name__ == "__main__":
    options = parser().parse_args()
    try:
        sys.exit(options.perform(options))
    except TrainingError as error:
        sys.exit(f"{error} {error.hint}".strip())
