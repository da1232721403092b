"""From a dataset's rows to what a model is shown: token ids, and labels on those it is to learn.

Imports the training stack, so it is imported inside `train` alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import datasets
from datasets.exceptions import DatasetGenerationError
from jinja2 import TemplateError

from training_methods.trainers.base import DataFormat, Run, TrainingError

IGNORED = -100
Example = dict[str, list[int]]
FEATURES = datasets.Features({name: datasets.List(datasets.Value("int32")) for name in ("input_ids", "labels")})


@dataclass
class Count:
    rows: int = 0
    cut: int = 0
    dropped: int = 0
    tokens: int = 0
    learnt: int = 0


@dataclass(frozen=True)
class Examples:
    train: datasets.Dataset
    evaluation: datasets.Dataset | None
    count: Count


def load(run: Run, tokenizer: Any, *, max_length: int, max_samples: int | None, evaluation_fraction: float) -> Examples:
    """The run's dataset as tokens, cut to `max_length`, kept on disk and not in memory.

    In a conversation the assistant's words are learnt, in prompt and completion the completion, in plain text all.
    Raises TrainingError where nothing is left to learn.
    """
    count = Count()
    kept = on_disk(
        run,
        examples,
        features=FEATURES,
        gen_kwargs={
            "run": run,
            "learn": reading(run, tokenizer),
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
        raise TrainingError("The dataset has no rows.", "Add rows to the file and import it again.")
    if not count.learnt:
        raise TrainingError(
            f"Nothing is left to learn: with a maximum length of {max_length} tokens every answer is cut off.",
            "Raise the maximum length, or shorten the prompts.",
        )


def summary(count: Count, max_length: int) -> str:
    words = f"{count.rows:,} rows with {count.tokens:,} tokens, {count.learnt:,} of them to be learnt."
    if count.cut:
        words += f" {count.cut:,} rows were cut at {max_length} tokens."
    if count.dropped:
        words += f" {count.dropped:,} rows were left out, since nothing of their answers remained."
    return words


def reading(run: Run, tokenizer: Any) -> Callable[[dict[str, Any]], Example]:
    """How rows of the run's format are read with this tokenizer."""
    if run.data_format is DataFormat.TEXT:
        return lambda row: plain("", row["text"], tokenizer)
    if tokenizer.chat_template:
        return lambda row: conversation(messages(row), tokenizer)
    if run.data_format is DataFormat.MESSAGES:
        raise TrainingError(
            "The dataset holds conversations, and this base model has no chat template to write them down with.",
            "Choose a chat model (often named “Instruct” or “Chat”), or a dataset of prompts and completions.",
        )
    return lambda row: plain(*pair(row), tokenizer)


def messages(row: dict[str, Any]) -> list[dict[str, str]]:
    """The row as a conversation."""
    match row:
        case {"messages": turns}:
            return turns
        case {"instruction": instruction, "input": context, "output": answer}:
            question = f"{instruction}\n\n{context}" if context else instruction
        case {"question": question, "answer": answer} | {"prompt": question, "completion": answer}:
            pass
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def pair(row: dict[str, Any]) -> tuple[str, str]:
    """The row as a prompt and its completion, for a model that knows no roles."""
    match row:
        case {"instruction": instruction, "input": context, "output": answer}:
            given = f"### Input:\n{context}\n\n" if context else ""
            return f"### Instruction:\n{instruction}\n\n{given}### Response:\n", answer
        case {"question": question, "answer": answer}:
            return f"Question: {question}\nAnswer:", f" {answer}"
    return row["prompt"], row["completion"]


def conversation(turns: list[dict[str, str]], tokenizer: Any) -> Example:
    """Every turn of the assistant is learnt, from after its header to its end mark, whatever the template."""
    whole = rendered(turns, tokenizer)
    labels = [IGNORED] * len(whole)
    for place, turn in enumerate(turns):
        if turn["role"] == "assistant":
            start = shared(whole, rendered(turns[:place], tokenizer, answer_follows=True)) if place else 0
            end = shared(whole, rendered(turns[: place + 1], tokenizer)) if turns[place + 1 :] else len(whole)
            labels[start:end] = whole[start:end]
    return {"input_ids": whole, "labels": labels}


def rendered(turns: list[dict[str, str]], tokenizer: Any, *, answer_follows: bool = False) -> list[int]:
    return tokenizer.apply_chat_template(turns, add_generation_prompt=answer_follows, return_dict=True)["input_ids"]


def plain(prompt: str, completion: str, tokenizer: Any) -> Example:
    """The completion is learnt, and that the text ends after it."""
    whole = tokenizer(prompt + completion)["input_ids"]
    if tokenizer.eos_token_id is not None and whole[-1:] != [tokenizer.eos_token_id]:
        whole = [*whole, tokenizer.eos_token_id]
    start = shared(whole, tokenizer(prompt)["input_ids"]) if prompt else 0
    return {"input_ids": whole, "labels": [IGNORED] * start + whole[start:]}


def shared(left: list[int], right: list[int]) -> int:
    """How many tokens both begin with."""
    pairs = zip(left, right, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(left), len(right)))
