"""`python -m training_methods.trainers …`: what is done in a child process.

`run`, `warm` and `converse` are for a supervisor, which holds the pipe on their standard input open as long as they are
wanted.
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel

from training_methods.trainers import discovery, lifeline, stage
from training_methods.trainers.base import TrainingError

GRACE = 120  # seconds: to load, and to say what was found


def own_stdout() -> TextIO:
    """The real standard output; from now on whatever else is printed, by any code, goes to standard error."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return kept


def run(options: argparse.Namespace) -> int:
    return stage.perform(options.directory.resolve())


def rehearse(options: argparse.Namespace) -> int:
    from training_methods.trainers import peaks
    from training_methods.trainers.scripts import deepext_witness

    directory = options.directory.resolve()
    # for a script, which has a process of its own
    os.environ[deepext_witness.VARIABLE] = str(directory / deepext_witness.FILE)
    deepext_witness.watch(directory / deepext_witness.FILE)
    code = stage.perform(directory, peaks.MeasuredEvents)
    peaks.write(options.directory)
    return code


def seen(options: argparse.Namespace) -> int:
    out = own_stdout()
    stage.set_defaults()
    from training_methods.trainers import seen_texts

    print(seen_texts.of(options.directory).model_dump_json(), file=out, flush=True)
    return 0


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


def converse(options: argparse.Namespace) -> int:
    out = own_stdout()
    lifeline.die_with_parent()
    lifeline.be_killed_first()
    from training_methods.trainers import conversation, dialogue

    def say(reply: BaseModel) -> None:
        print(reply.model_dump_json(), file=out, flush=True)

    scene = dialogue.Scene.model_validate_json(options.scene.read_text(encoding="utf-8"))
    try:
        conversation.hold(scene, conversation.lines_of(sys.stdin), say)
    except Exception as error:
        say(dialogue.Trouble(message=dialogue.in_words(error)))
        raise
    return 0


def make(options: argparse.Namespace) -> int:
    out = own_stdout()
    lifeline.die_with_parent()
    lifeline.be_killed_first()
    from training_methods.trainers import dialogue, making

    def say(reply: BaseModel) -> None:
        print(reply.model_dump_json(), file=out, flush=True)

    text = options.given.read_text(encoding="utf-8")
    try:
        if options.what == "merge":
            from training_methods.trainers import merging

            merging.merge(making.Merging.model_validate_json(text), say)
        else:
            from training_methods.trainers import gguf_export

            gguf_export.export(making.Exporting.model_validate_json(text), say)
    except Exception as error:
        say(making.Trouble(message=dialogue.in_words(error)))
        raise
    return 0


def preview(options: argparse.Namespace) -> int:
    out = own_stdout()
    stage.set_defaults()
    signal.alarm(options.seconds + GRACE)  # whoever asked may be gone
    from training_methods.trainers import preview

    found = preview.of(
        options.directory.resolve(),
        whole=options.whole,
        seconds=options.seconds,
        longest=options.longest,
        to=options.to,
    )
    print(found.model_dump_json(), file=out, flush=True)
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

    command = commands.add_parser("rehearse", help="run, and write down its peak of memory and what its model saw")
    command.add_argument("directory", type=Path)
    command.set_defaults(perform=rehearse)

    command = commands.add_parser("seen", help="say as JSON what the model saw in a rehearsal")
    command.add_argument("directory", type=Path)
    command.set_defaults(perform=seen)

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

    command = commands.add_parser("converse", help="answer questions that come on standard input, a JSON line each")
    command.add_argument("scene", type=Path, help="a JSON file that says who is to answer")
    command.set_defaults(perform=converse)

    command = commands.add_parser("make", help="make a complete model of an adapter, or a GGUF file of that")
    command.add_argument("what", choices=["merge", "export"])
    command.add_argument("given", type=Path, help="a JSON file that says of what, and where to")
    command.set_defaults(perform=make)

    command = commands.add_parser("preview", help="say as JSON what the run that a folder describes will be shown")
    command.add_argument("directory", type=Path)
    command.add_argument("--whole", action="store_true", help="count every row, not only show the first")
    command.add_argument("--seconds", type=int, default=60, help="read rows for no longer than this")
    command.add_argument("--longest", type=int, default=0, help="how many of the longest rows to write down")
    command.add_argument("--to", type=Path, help="the JSONL file for them")
    command.set_defaults(perform=preview)

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
