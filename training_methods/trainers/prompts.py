"""What the recipes share in which a model answers prompts and its answers are rated.

Imports the training stack, so it is imported inside `train` alone.
"""

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import torch
from datasets.exceptions import DatasetGenerationError
from transformers import TrainerCallback

from training_methods.trainers import chat_templates, discovery, reward_mix
from training_methods.trainers.base import Run, TrainingError
from training_methods.trainers.examples import Count, Examples, divided, no_rows
from training_methods.trainers.hugging_face import longest_text
from training_methods.trainers.judged_rows import as_turns, led
from training_methods.trainers.reward_mix import BadRewards, Reward
from training_methods.trainers.rewards import BUILT_IN, NEED_ANSWER, last_number
from training_methods.trainers.row_files import Row

TURN = {"role": datasets.Value("string"), "content": datasets.Value("string")}
SAMPLES = 3

CURVES = ("reward", "reward_std", "completions/mean_length", "completions/clipped_ratio", "kl", "entropy")


def curves(names: Iterable[str]) -> tuple[str, ...]:
    """The curves of a run that is rated by those of these names, in training and in evaluation: what TRL calls them."""
    found = (*CURVES, *(f"rewards/{name}/mean" for name in names))
    return (*found, *(f"eval_{name}" for name in found))


def evaluation_batch(batch_size: int, group: int) -> int:
    """Answers to rate at once, in whole groups."""
    return max(1, batch_size // group) * group


def fitting_lengths(run: Run, prompt: int, completion: int) -> tuple[int, int]:
    """The wanted lengths of prompts and answers, or what the base model was made for where that is less."""
    most = longest_text(run.base_model) or prompt + completion
    if completion > most // 2 and prompt + completion > most:
        completion = most // 2
        run.note(f"The base model was made for {most} tokens, so an answer has at most {completion}.")
    return min(prompt, most - completion), completion


def load_rewards(text: str | None, run: Run) -> list[Reward]:
    """The rewards that the text names, the site's own among them. Raises TrainingError.

    Where a reward model rates there may be none.
    """
    if text is None:
        return []
    try:
        rewards = reward_mix.parse(text)
        own = {reward.name for reward in rewards} - BUILT_IN.keys()
        functions = own_functions(run.spec.rewards_file, run) if own else {}
        if unknown := sorted(own - functions.keys()):
            there = ", ".join([*BUILT_IN, *functions])
            raise TrainingError(f"There is no reward “{unknown[0]}”.", f"There are {there}.")
        rewards = [
            reward if reward.function else replace(reward, function=functions[reward.name]) for reward in rewards
        ]
        for reward in rewards:
            reward_mix.check_arguments(reward)
    except BadRewards as error:
        raise TrainingError(f"The text of rewards “{text}” does not fit: it {error}.") from error
    return rewards


def own_functions(file: Path | None, run: Run) -> dict[str, Callable[..., float]]:
    """The functions that the site's rewards.py defines itself."""
    if not file:
        return {}
    try:
        module = discovery.import_file(file)
    except Exception as error:
        line = discovery.line_of(error, file)
        where = f"{file.name}, line {line}" if line else file.name
        raise TrainingError(f"The site's own rewards do not load: {where}: {discovery.reason(error)}") from error
    run.note(f"The site's own rewards come from {file}.")
    return {
        name: value
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    }


def load(
    run: Run,
    tokenizer: Any,
    rewards: list[Reward],
    *,
    max_prompt_length: int,
    max_samples: int | None,
    evaluation_fraction: float = 0.0,
    prompts_a_step: int,
) -> Examples:
    """The run's prompts, each with its row as JSON for the rewards to look at; what is too long is left out.

    Raises TrainingError where a reward needs an answer that a row has not, and where no step can be filled.
    """
    count = Count()
    try:
        dataset = datasets.Dataset.from_generator(
            prompts,
            gen_kwargs={
                "run": run,
                "tokenizer": tokenizer,
                "rewards": tuple(rewards),  # a list would be taken for shards, and each row read once for each
                "limits": (max_prompt_length, max_samples),
                "count": count,
            },
            features=datasets.Features(
                prompt=datasets.List(TURN) if tokenizer.chat_template else datasets.Value("string"),
                row=datasets.Value("string"),
            ),
            cache_dir=str(run.scratch),
            fingerprint="prompts",  # hashing the generator's arguments would try to pickle them
        )
    except DatasetGenerationError as error:
        raise error.__cause__ or error from None
    data = divided(dataset, count, evaluation_fraction, run.seed)
    if len(data.train) < prompts_a_step:
        raise TrainingError(
            f"A step takes {prompts_a_step} prompts, and the dataset has {len(data.train)} to learn from.",
            "Lower the batch size or the gradient accumulation, hold out less, or add rows.",
        )
    return data


def prompts(
    run: Run, tokenizer: Any, rewards: Sequence[Reward], limits: tuple[int, int | None], count: Count
) -> Iterator[dict[str, Any]]:
    longest, max_samples = limits
    for row in islice(run.rows(), max_samples):
        count.rows += 1
        row = asked(row)
        check_answer(row, rewards, count.rows)
        prompt = written(row["prompt"], tokenizer)
        length = len(token_ids(prompt, tokenizer))
        count.dropped += length > longest
        count.longest = max(count.longest, length)
        if length <= longest:
            count.tokens += length
            yield {"prompt": prompt, "row": json.dumps(row)}
    left_out = f" {count.dropped:,} with more than {longest} tokens were left out." if count.dropped else ""
    run.note(f"{count.rows:,} prompts.{left_out}")
    if not count.rows:
        raise no_rows()
    if count.dropped == count.rows:
        raise TrainingError(
            f"No prompt is left: all {count.rows:,} are longer than {longest} tokens.",
            "Raise the maximum prompt length, or lower that of answers, which share the base model's room.",
            changes={"max_prompt_length": count.longest},
        )


def asked(row: Row) -> Row:
    """The row as a prompt with its answer; questions, and prompts with their completion, are read so too."""
    match row:
        case {"question": prompt, "answer": answer} | {"prompt": prompt, "completion": answer}:
            system = row.get("system")
            return {"prompt": led(system, as_turns(prompt)) if system else prompt, "answer": text_of(answer)}
    return row


def check_answer(row: Row, rewards: Sequence[Reward], number: int) -> None:
    for name in (reward.name for reward in rewards if reward.name in NEED_ANSWER):
        if not row.get("answer"):
            raise TrainingError(
                f"The reward {name} compares with the right answer, and row {number} of the dataset has none.",
                "Give every row an “answer”, or choose other rewards.",
            )
        if name == "numeric_answer" and last_number(row["answer"]) is None:
            raise TrainingError(
                f"The reward numeric_answer compares numbers, and the answer of row {number} holds none: "
                f"“{row['answer'][:40]}”.",
                "Choose exact_match, or mend the row.",
            )


def written(prompt: str | list[dict[str, str]], tokenizer: Any) -> str | list[dict[str, str]]:
    """A conversation for a chat model, plain text for another."""
    if tokenizer.chat_template:
        return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    if isinstance(prompt, str):
        return prompt
    raise chat_templates.missing("A row")


def token_ids(prompt: str | list[dict[str, str]], tokenizer: Any) -> list[int]:
    """The prompt as the model reads it, up to where its answer begins."""
    if isinstance(prompt, str):
        return tokenizer(prompt)["input_ids"]
    return tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=True)["input_ids"]


def as_function(reward: Reward) -> Callable[..., list[float]]:
    """The reward as TRL calls it, for a whole batch."""

    def rate(completions: list[Any], row: list[str], **_: Any) -> list[float]:
        pairs = zip(completions, row, strict=True)
        return [worth(reward, text_of(completion), json.loads(given)) for completion, given in pairs]

    rate.__name__ = reward.curve
    return rate


def worth(reward: Reward, completion: str, row: Row) -> float:
    """Raises TrainingError where one of the site's own fails, or gives no number."""
    try:
        value = as_number(reward.of(completion, row))
    except Exception as error:
        line = discovery.line_of(error, Path(str(sys.modules[reward.function.__module__].__file__)))
        raise TrainingError(
            f"The reward {reward.curve} fails at line {line}: {discovery.reason(error)}", evidence=completion
        ) from error
    if not isinstance(value, float) or not math.isfinite(value):
        raise TrainingError(f"The reward {reward.curve} gives {value!r} where a number is needed.", evidence=completion)
    return value


def as_number(value: Any) -> Any:
    """Numbers of NumPy and torch as Python's own."""
    return float(value) if hasattr(value, "__float__") else value


def text_of(said: str | list[dict[str, str]]) -> str:
    """The last words: of a prompt what is asked, of a completion the answer."""
    return said if isinstance(said, str) else said[-1]["content"]


class Order(TrainerCallback):
    """Lets a resumed run go on in the order of prompts it was in; TRL's sampler begins with the first epoch's again."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        for _ in range(int(state.epoch or 0)):
            next(iter(kwargs["train_dataloader"].batch_sampler.sampler))  # draws the order of one epoch


class Samples(TrainerCallback):
    """Keeps what the model answers to the first prompts: before the training, every so many steps, and at its end.

    The likeliest words are taken, so that only the training makes a difference, and no random number is used up.
    """

    def __init__(self, run: Run, tokenizer: Any, data: Examples, *, every: int, max_tokens: int) -> None:
        self.run, self.tokenizer, self.every, self.max_tokens = run, tokenizer, every, max_tokens
        self.prompts = [row["prompt"] for row in data.train.select(range(min(SAMPLES, len(data.train))))]

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.every and not state.global_step:
            self.keep(kwargs["model"], 0)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        ends = state.global_step >= state.max_steps or self.run.finish_requested
        if self.every and (state.global_step % self.every == 0 or ends):
            self.keep(kwargs["model"], state.global_step)

    def keep(self, model: Any, step: int) -> None:
        was_training = model.training
        model.eval()
        for prompt in self.prompts:
            self.run.sample(step, text_of(prompt), self.answer(model, prompt))
        model.train(was_training)

    def answer(self, model: Any, prompt: str | list[dict[str, str]]) -> str:
        if isinstance(prompt, str):
            tokens = self.tokenizer(prompt, return_tensors="pt")
        else:
            tokens = self.tokenizer.apply_chat_template(
                prompt, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
        tokens = tokens.to(model.device)
        with torch.no_grad():
            whole = model.generate(**tokens, max_new_tokens=self.max_tokens, do_sample=False)
        return self.tokenizer.decode(whole[0, tokens["input_ids"].shape[1] :], skip_special_tokens=True).strip()
