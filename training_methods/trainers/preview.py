"""What a recipe will make of a dataset, without training: its first examples token by token, and all of them counted.

It reads rows, writes them down and cuts them with the very functions that the recipes call. Plain Python on top; the
training stack is imported inside `of`, in a child process.
"""

import hashlib
import heapq
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from training_methods.trainers.base import DataFormat, Run, Trainer, TrainingError
from training_methods.trainers.discovery import load_trainer
from training_methods.trainers.row_files import Row, Unreadable

EXAMPLES = 3
LONGEST_SHOWN = 400  # tokens of an example
ENDING = 3  # tokens: some templates put a line break after the end of an answer
State = Literal["read", "learnt", "cut"]
Kind = Literal["shown", "pairs", "labelled", "scored", "prompts", "watched"]  # the last: see `seen_texts`


class Example(BaseModel):
    """A text as the model sees it. `pieces` are its tokens, each with what becomes of it."""

    row: int
    name: str = ""
    pieces: list[tuple[str, State]]
    hidden: int = Field(0, description="Tokens that are not among the pieces")
    tokens: int
    learnt: int
    cut: int
    is_labelled: bool = Field(True, description="Whether anybody knows what is learnt of it")
    ends: bool = Field(description="Whether what is learnt ends with the end of a sequence, as far as it is not cut")


class Preview(BaseModel):
    """`kept`: examples that are left; None: only the first rows were read. `complete`: every row that is used was."""

    kind: Kind
    max_length: int
    end: str = ""
    has_template: bool
    replaces_template: bool = False
    examples: list[Example] = []
    complete: bool = False
    kept: int | None = None
    packed: int | None = None
    rows: int = 0
    tokens: int = 0
    learnt: int = 0
    cut: int = 0
    dropped: int = 0
    duplicates: int = 0
    problem: str = ""
    hint: str = ""
    setting: str = Field("", description="Which another value of would help")


class Reader(Run):
    """A run whose rows are watched while the recipe's own code takes them."""

    def __init__(self, directory: Path, *, seconds: float, longest: int = 0) -> None:
        super().__init__(directory)
        self.seconds, self.longest = seconds, longest
        self.count: Any = None
        self.is_through = False
        self.seen: set[bytes] = set()
        self.duplicates = 0
        self.heap: list[tuple[int, int, Row]] = []

    def rows(self) -> Iterator[Row]:
        before = 0
        until = time.monotonic() + self.seconds  # from the first row on: loading libraries takes its own time
        for number, row in enumerate(super().rows(), 1):
            if time.monotonic() > until:
                return
            digest = hashlib.blake2b(json.dumps(row, sort_keys=True, default=str).encode(), digest_size=8).digest()
            self.duplicates += digest in self.seen
            self.seen.add(digest)
            try:
                yield row
            finally:  # whoever wants no more rows comes back no more
                self.keep_longest(self.count.tokens - before if self.count else 0, number, row)
                before = self.count.tokens if self.count else 0
        self.is_through = True

    def keep_longest(self, tokens: int, number: int, row: Row) -> None:
        if self.longest:
            heapq.heappush(self.heap, (tokens, -number, row))
            if len(self.heap) > self.longest:
                heapq.heappop(self.heap)

    def longest_rows(self) -> list[Row]:
        return [row for _, _, row in sorted(self.heap, key=lambda one: (-one[0], -one[1]))]


def kind_of(trainer: type[Trainer]) -> Kind:
    """How the recipe reads rows, told by the formats that it takes."""
    formats = set(trainer.data_formats)
    if DataFormat.LABELLED in formats:
        return "labelled"
    if DataFormat.PREFERENCE in formats:
        return "scored" if trainer.slug == "reward" else "pairs"
    return "prompts" if DataFormat.PROMPT in formats else "shown"


def of(directory: Path, *, whole: bool, seconds: float, longest: int = 0, to: Path | None = None) -> Preview:
    """What the run that `directory` describes will see. `to`: a file for its longest rows, so many of them."""
    run = Reader(directory, seconds=seconds, longest=longest)
    recipe_class = load_trainer(run.spec.trainer, run.spec.trainer_file)
    recipe: Any = recipe_class(**run.spec.parameters)
    found = Preview(kind=kind_of(recipe_class), max_length=0, has_template=False)
    try:
        look(found, run, recipe, whole=whole)
    except TrainingError as error:
        found.problem, found.hint, found.setting = str(error), error.hint, next(iter(error.changes), "")
    except Unreadable as error:
        found.problem = f"The dataset {error}."
    if to:
        lines = [json.dumps(row, default=str) + "\n" for row in run.longest_rows()]
        to.write_text("".join(lines), encoding="utf-8")
    return found


def look(found: Preview, run: Reader, recipe: Any, *, whole: bool) -> None:
    from training_methods.trainers import hugging_face

    choice: Any = getattr(recipe, "chat_template", "own")
    tokenizer = hugging_face.load_tokenizer(run.base_model, choice)
    found.has_template = bool(tokenizer.chat_template)
    found.replaces_template = choice != "own" and bool(hugging_face.load_tokenizer(run.base_model).chat_template)
    found.end = tokenizer.eos_token or ""
    found.max_length = limit(found.kind, run, recipe)
    first = Run(run.directory)
    for number, row in zip(range(1, EXAMPLES + 1), first.rows(), strict=False):
        found.examples += written(found, run, row, number, tokenizer, recipe)
    if whole:
        count_all(found, run, tokenizer, recipe)


def limit(kind: Kind, run: Run, recipe: Any) -> int:
    """Tokens of an example; of a prompt, where the model answers itself."""
    from training_methods.trainers import hugging_face

    if kind == "prompts":
        from training_methods.trainers import prompts

        return prompts.fitting_lengths(run, recipe.max_prompt_length, recipe.max_completion_length)[0]
    return hugging_face.fitting_length(run.base_model, recipe.max_length, run)


def written(found: Preview, run: Run, row: Row, number: int, tokenizer: Any, recipe: Any) -> Iterator[Example]:
    """A row's texts as tokens, with what is learnt of each."""
    from training_methods.trainers import examples, judged_examples, prompts

    if found.kind == "shown":
        learn = examples.reading(run, tokenizer, getattr(recipe, "learn_from", "answers"))
        example = examples.shown(row, learn, number)
        are_learnt = [label != examples.IGNORED for label in example["labels"]]
        yield shown(found, number, "", example["input_ids"], are_learnt, tokenizer)
        return
    if found.kind == "prompts":
        tokens = prompts.token_ids(prompts.written(prompts.asked(row)["prompt"], tokenizer), tokenizer)
        yield shown(found, number, "prompt", tokens, [False] * len(tokens), tokenizer)
        return
    for judged in judged_examples.read_or_refuse(row, number, judging(found.kind)):
        words = judged_examples.written_for(judged, tokenizer, number)
        given = words.get("prompt", "")
        asked = judged_examples.prompt_tokens(given, tokenizer) if given else []
        for name in (name for name in judged_examples.ANSWERS if name in words):
            tokens = judged_examples.whole(given, words[name], tokenizer)
            start = examples.shared(tokens, asked)
            yield shown(
                found,
                number,
                label_of(name, words),
                tokens,
                [place >= start for place in range(len(tokens))],
                tokenizer,
            )


def label_of(name: str, row: Row) -> str:
    return name if "label" not in row else "good" if row["label"] else "bad"


def judging(kind: Kind) -> Callable[[Row], Iterator[Row]]:
    from training_methods.trainers import judged_examples

    readings = {
        "pairs": judged_examples.pairs,
        "labelled": judged_examples.labelled,
        "scored": judged_examples.whole_pairs,
    }
    return readings[kind]


def shown(found: Preview, row: int, name: str, tokens: list[int], are_learnt: list[bool], tokenizer: Any) -> Example:
    most = found.max_length
    states: list[State] = ["learnt" if learnt else "read" for learnt in are_learnt[:most]]
    states += ["cut"] * max(len(tokens) - most, 0)
    places = places_to_show(states)
    return Example(
        row=row,
        name=name,
        pieces=[(tokenizer.decode([tokens[place]]), states[place]) for place in places],
        hidden=len(tokens) - len(places),
        tokens=min(len(tokens), most),
        learnt=states.count("learnt"),
        cut=max(len(tokens) - most, 0),
        ends=ends(tokens, are_learnt, tokenizer),
    )


def places_to_show(states: list[State]) -> list[int]:
    """The first tokens, and the last where there are too many: what is learnt stands at the end."""
    half = LONGEST_SHOWN // 2
    places = list(range(len(states)))
    return places if len(places) <= LONGEST_SHOWN else [*places[:half], *places[-half:]]


def ends(tokens: list[int], are_learnt: list[bool], tokenizer: Any) -> bool:
    """Whether the last thing that is learnt is to stop."""
    learnt = [token for token, is_learnt in zip(tokens, are_learnt, strict=True) if is_learnt]
    return not learnt or bool(set(learnt[-ENDING:]) & end_tokens(tokenizer))


def end_tokens(tokenizer: Any) -> set[int]:
    """Those at which generation stops: the tokenizer's, and those that the model's generation settings name."""
    named: Any = None
    with suppress(OSError, ValueError):
        named = json.loads((Path(tokenizer.name_or_path) / "generation_config.json").read_bytes()).get("eos_token_id")
    others = named if isinstance(named, list) else [named]
    return {token for token in (tokenizer.eos_token_id, *others) if token is not None}


def count_all(found: Preview, run: Reader, tokenizer: Any, recipe: Any) -> None:
    """Every row that is used, through the recipe's own generator."""
    from training_methods.trainers.examples import Count

    run.count = count = Count()
    lengths: list[int] = []
    try:
        made = generated(found, run, tokenizer, recipe, count)
        lengths.extend(len(example.get("input_ids", ())) for example in made)
    finally:
        found.rows, found.tokens, found.learnt = count.rows, count.tokens, count.learnt
        found.cut, found.dropped, found.kept = count.cut, count.dropped, len(lengths)
        found.duplicates = run.duplicates
        found.complete = run.is_through or count.rows == getattr(recipe, "max_samples", None)
    if getattr(recipe, "packing", False) and found.complete:
        found.packed = packed(lengths, found.max_length, recipe.evaluation_fraction, run.seed)


def generated(found: Preview, run: Reader, tokenizer: Any, recipe: Any, count: Any) -> Iterator[dict[str, Any]]:
    from itertools import islice

    from training_methods.trainers import examples, judged_examples, prompts

    most, limits = getattr(recipe, "max_samples", None), found.max_length
    if found.kind == "shown":
        learn = examples.reading(run, tokenizer, getattr(recipe, "learn_from", "answers"))
        return examples.examples(run, learn, (limits, most), count)
    if found.kind == "prompts":
        rewards = prompts.load_rewards(getattr(recipe, "rewards", None), run)
        return prompts.prompts(run, tokenizer, rewards, (limits, most), count)
    rows = islice(run.rows(), most)
    return judged_examples.rows(rows, judging(found.kind), tokenizer, limits, count)


def packed(lengths: list[int], max_length: int, held_out: float, seed: int) -> int:
    """How many sequences TRL makes of rows of these lengths."""
    import datasets
    from trl import pack_dataset

    from training_methods.trainers.examples import Count, divided

    rows = datasets.Dataset.from_dict({"input_ids": [[0] * length for length in lengths]})
    return len(pack_dataset(divided(rows, Count(), held_out, seed).train, max_length, "bfd"))
