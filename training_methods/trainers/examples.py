"""From a dataset's rows to what a model is shown: token ids, and labels on those it is to learn.

Imports the training stack, so it is imported inside `train` alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import datasets
from datasets.exceptions import DatasetGenerationError
from jinja2 import TemplateError

from training_methods.trainers import chat_templates
from training_methods.trainers.base import DataFormat, Run, TrainingError
from training_methods.trainers.events import Cause
from training_methods.trainers.judged_rows import as_turns, led, said
from training_methods.trainers.row_files import Row
from training_methods.trainers.turns import THOUGHTS, Turns

IGNORED = -100
LearnFrom = Literal["answers", "last-answer", "everything"]
Example = dict[str, list[int]]
FEATURES = datasets.Features({name: datasets.List(datasets.Value("int32")) for name in ("input_ids", "labels")})


@dataclass
class Count:
    rows: int = 0
    cut: int = 0
    dropped: int = 0
    tokens: int = 0
    learnt: int = 0
    longest: int = 0
    """Tokens of the longest row, before it was cut."""


@dataclass(frozen=True)
class Examples:
    train: datasets.Dataset
    evaluation: datasets.Dataset | None
    count: Count


def load(
    run: Run,
    tokenizer: Any,
    *,
    max_length: int,
    learn_from: LearnFrom = "answers",
    max_samples: int | None,
    evaluation_fraction: float,
) -> Examples:
    """The run's dataset as tokens, cut to `max_length`, kept on disk and not in memory.

    Of a conversation the assistant's words are learnt, of prompt and completion the completion, of plain text all,
    unless `learn_from` says otherwise.
    Raises TrainingError where nothing is left to learn.
    """
    count = Count()
    kept = on_disk(
        run,
        examples,
        features=FEATURES,
        gen_kwargs={
            "run": run,
            "learn": reading(run, tokenizer, learn_from),
            "limits": (max_length, max_samples),
            "count": count,
        },
    )
    run.note(summary(count, max_length))
    return divided(kept, count, evaluation_fraction, run.seed)


def on_disk(run: Run, generator: Callable[..., Iterator[Any]], **arguments: Any) -> datasets.Dataset:
    """What the generator yields, kept on disk and not in memory. Raises what the generator raises."""
    try:
        return datasets.Dataset.from_generator(
            generator,
            cache_dir=str(run.scratch),
            fingerprint="examples",  # hashing the generator's arguments would try to pickle them
            **arguments,
        )
    except DatasetGenerationError as error:
        raise error.__cause__ or error from None


def divided(dataset: datasets.Dataset, count: Count, evaluation_fraction: float, seed: int) -> Examples:
    """Apart what is learnt and what is held out."""
    held_out = round(len(dataset) * evaluation_fraction)
    if not held_out or len(dataset) < 2:
        return Examples(dataset, None, count)
    parts = dataset.train_test_split(test_size=held_out, seed=seed)
    return Examples(parts["train"], parts["test"], count)


def examples(
    run: Run, learn: Callable[[dict[str, Any]], Example], limits: tuple[int, int | None], count: Count
) -> Iterator[Example]:
    max_length, max_samples = limits
    for row in islice(run.rows(), max_samples):
        count.rows += 1
        example = shown(row, learn, count.rows)
        count.cut += len(example["input_ids"]) > max_length
        count.longest = max(count.longest, len(example["input_ids"]))
        example = {name: tokens[:max_length] for name, tokens in example.items()}
        learnt = sum(label != IGNORED for label in example["labels"])
        count.tokens += len(example["input_ids"])
        count.learnt += learnt
        count.dropped += not learnt
        if learnt:
            yield example
    check(count, max_length)


def shown(row: dict[str, Any], learn: Callable[[dict[str, Any]], Example], number: int) -> Example:
    try:
        return learn(row)
    except TemplateError as error:
        raise TrainingError(
            f"The base model's chat template refuses row {number} of the dataset: {error}",
            "Bring the conversation into the order the model expects, or choose another base model.",
        ) from error


def check(count: Count, max_length: int) -> None:
    if not count.rows:
        raise no_rows()
    if not count.learnt:
        raise TrainingError(
            f"Nothing is left to learn: with a maximum length of {max_length} tokens every answer is cut off.",
            "Raise the maximum length, or shorten the prompts.",
            changes={"max_length": count.longest},
        )


def no_rows() -> TrainingError:
    return TrainingError("The dataset has no rows.", "Add rows to the file and import it again.", cause=Cause.DATASET)


def summary(count: Count, max_length: int) -> str:
    words = f"{count.rows:,} rows with {count.tokens:,} tokens, {count.learnt:,} of them to be learnt."
    if count.cut:
        words += f" {count.cut:,} rows were cut at {max_length} tokens."
    if count.dropped:
        words += f" {count.dropped:,} rows were left out, since nothing of their answers remained."
    return words


def reading(run: Run, tokenizer: Any, learn_from: LearnFrom) -> Callable[[dict[str, Any]], Example]:
    """How rows of the run's format are read with this tokenizer, and what of them is learnt."""
    if run.data_format is DataFormat.TEXT:
        return lambda row: plain("", row["text"], tokenizer)
    if tokenizer.chat_template:
        return lambda row: conversation(messages(row), tokenizer, row.get("tools"), learn_from)
    return lambda row: plain(*pair(row), tokenizer, learn_from)


def messages(row: Row) -> Turns:
    """The row as a conversation."""
    if "messages" in row:
        turns: Turns = row["messages"]
        return turns
    rounds = [turn for asked, answer in row.get("history", ()) for turn in (*as_turns(asked), *said(answer))]
    question, answer = asked_and_answered(row)
    turns = [*rounds, *as_turns(question), *said(answer)]
    return led(row["system"], turns) if row.get("system") else turns


def asked_and_answered(row: Row) -> tuple[str | Turns, str | Turns]:
    match row:
        case {"instruction": instruction, "input": context, "output": answer}:
            return f"{instruction}\n\n{context}" if context else instruction, answer
        case {"question": question, "answer": answer} | {"prompt": question, "completion": answer}:
            return question, answer
    raise KeyError(", ".join(row))


def pair(row: Row) -> tuple[str, str]:
    """The row as a prompt and its completion, for a model that knows no roles. Raises TrainingError for turns."""
    if any(isinstance(row.get(name), list) for name in ("messages", "prompt", "completion")):
        raise chat_templates.missing("A row")
    system = f"{row['system']}\n\n" if row.get("system") else ""
    before = "".join(f"{instruction(asked)}{answer}\n\n" for asked, answer in row.get("history", ()))
    match row:
        case {"instruction": asked, "input": context, "output": answer}:
            return system + before + instruction(asked, context), answer
        case {"question": question, "answer": answer}:
            return f"{system}Question: {question}\nAnswer:", f" {answer}"
    return system + row["prompt"], row["completion"]


def instruction(asked: str, context: str = "") -> str:
    given = f"### Input:\n{context}\n\n" if context else ""
    return f"### Instruction:\n{asked}\n\n{given}### Response:\n"


def conversation(
    turns: Turns, tokenizer: Any, tools: list[Any] | None = None, learn_from: LearnFrom = "answers"
) -> Example:
    """An answer of the assistant is learnt from after its header to its end mark, whatever the template."""
    check_thoughts(turns, tokenizer)
    whole = rendered(turns, tokenizer, tools=tools)
    if tools or any("tool_calls" in turn for turn in turns):
        check_tools(turns, tokenizer, tools, whole)
    if learn_from == "everything":
        return {"input_ids": whole, "labels": whole}
    labels = [IGNORED] * len(whole)
    answers = [place for place, turn in enumerate(turns) if turn["role"] == "assistant"]
    for place in answers[-1:] if learn_from == "last-answer" else answers:
        if turns[place].get("learnt", True):
            asked = rendered(turns[:place], tokenizer, answer_follows=True, tools=tools) if place else []
            start = shared(whole, asked)
            end = len(whole)
            if turns[place + 1 :]:
                end = shared(whole, rendered(turns[: place + 1], tokenizer, tools=tools))
            labels[start:end] = whole[start:end]
    return {"input_ids": whole, "labels": labels}


def check_thoughts(turns: Turns, tokenizer: Any) -> None:
    """Raises TrainingError where the template leaves out what the assistant thought."""
    for name in {name for turn in turns for name in turn}.intersection(THOUGHTS):
        if name not in tokenizer.chat_template:
            raise TrainingError(
                f"The dataset has “{name}” in its turns, and the base model's chat template has no place for it.",
                "Choose a base model that was made to reason, or write the reasoning into the content of the turns.",
            )


def check_tools(turns: Turns, tokenizer: Any, tools: list[Any] | None, whole: list[int]) -> None:
    """Raises TrainingError where the template leaves out the tools, or that they are called."""
    uncalled = [{name: value for name, value in turn.items() if name != "tool_calls"} for turn in turns]
    if tools and rendered(turns, tokenizer) == whole:
        what = "describes tools"
    elif uncalled != turns and rendered(uncalled, tokenizer, tools=tools) == whole:
        what = "calls tools"
    else:
        return
    raise TrainingError(
        f"The dataset {what}, and the base model's chat template has no place for them.",
        "Choose a base model that was made for tools, or write the calls into the content of the turns.",
    )


def rendered(
    turns: Turns, tokenizer: Any, *, answer_follows: bool = False, tools: list[Any] | None = None
) -> list[int]:
    return tokenizer.apply_chat_template(turns, tools=tools, add_generation_prompt=answer_follows, return_dict=True)[
        "input_ids"
    ]


def plain(prompt: str, completion: str, tokenizer: Any, learn_from: LearnFrom = "answers") -> Example:
    """The completion is learnt, and that the text ends after it."""
    whole = tokenizer(prompt + completion)["input_ids"]
    if tokenizer.eos_token_id is not None and whole[-1:] != [tokenizer.eos_token_id]:
        whole = [*whole, tokenizer.eos_token_id]
    asks = prompt and learn_from != "everything"
    start = shared(whole, tokenizer(prompt)["input_ids"]) if asks else 0
    return {"input_ids": whole, "labels": [IGNORED] * start + whole[start:]}


def shared(left: list[int], right: list[int]) -> int:
    """How many tokens both begin with."""
    pairs = zip(left, right, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(left), len(right)))
