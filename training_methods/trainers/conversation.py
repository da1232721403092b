"""Answers prompts as they come, by a base model and by what was made of it: loaded once, word by word.

Imports the training stack, so it is imported by the child process alone.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

import torch
from peft import PeftConfig, PeftModel
from transformers import TextStreamer

from training_methods.trainers import answers, dialogue, hugging_face, model_card, rating
from training_methods.trainers.base import TrainingError
from training_methods.trainers.dialogue import Answered, Question, Ready, Scene, Who, Words

Say = Callable[[Any], None]
GIGABYTE = 10**9


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """`as_it_speaks` is entered while it answers: a base model answers with its adapter switched off."""

    model: Any
    tokenizer: Any
    room: int | None
    as_it_speaks: Callable[[], AbstractContextManager[Any]] = nullcontext


def hold(scene: Scene, questions: Iterator[str], say: Say) -> None:
    """Load the models and answer until there are no more questions. Raises TrainingError."""
    if model_card.is_scorer(scene.tuned):
        answer = scorer(scene.tuned)
        say(Ready())
    else:
        speakers = load(scene)
        say(Ready())

        def answer(question: Question, say: Say) -> None:
            for who in question.order:
                if who in speakers:
                    speak(speakers[who], question, Writer(speakers[who].tokenizer, question.id, who, say))

    for line in questions:
        question = Question.model_validate_json(line)
        try:
            answer(question, say)
        except TrainingError as error:
            say(Answered(id=question.id, refusal=f"{error} {error.hint}".strip()))
        else:
            say(Answered(id=question.id))


def load(scene: Scene) -> dict[Who, Speaker]:
    is_adapter = model_card.is_adapter(scene.tuned)
    if not is_adapter and not (scene.tuned / "config.json").exists():
        raise TrainingError("The model's folder holds neither adapter_config.json nor config.json.")
    base = scene.base if scene.base and scene.base.is_dir() else None
    if is_adapter and not base:
        raise TrainingError(f"The folder of its base model, {scene.base}, is not there, and an adapter needs it.")
    mind_memory(scene.parameter_count, 1 if is_adapter or not base else 2)
    if is_adapter:
        assert base
        return with_adapter(base, scene.tuned)
    speakers: dict[Who, Speaker] = {"base": speaker(base)} if base else {}
    return speakers | {"tuned": speaker(scene.tuned)}


def mind_memory(parameter_count: int | None, models: int) -> None:
    """Better a sentence now than a process that is killed, and others with it."""
    free = available_memory()
    if not parameter_count or free is None or torch.cuda.is_available():
        return
    needed = parameter_count * dtype().itemsize * models
    if needed > free:
        raise TrainingError(
            f"The model takes about {needed / GIGABYTE:.1f} GB of memory, and {free / GIGABYTE:.1f} GB are free there.",
            "Try it when less runs on that machine.",
        )


def available_memory() -> int | None:
    """Bytes. None: the system does not tell."""
    path = Path("/proc/meminfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def dtype() -> torch.dtype:
    return torch.bfloat16 if torch.cuda.is_available() else torch.float32


def device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def with_adapter(base: Path, adapter: Path) -> dict[Who, Speaker]:
    """One model in memory for both."""
    if PeftConfig.from_pretrained(adapter).task_type == "SEQ_CLS":
        raise TrainingError(
            "The adapter scores answers and writes none, so there is nothing to put beside its base model's answers.",
            "A complete reward model can be tried here: the method Reward leaves one.",
        )
    plain = hugging_face.load_model(base, dtype=dtype()).to(device())
    model = PeftModel.from_pretrained(plain, adapter).eval()
    room = hugging_face.longest_text(base)
    return {
        "base": Speaker(
            model=model,
            tokenizer=hugging_face.load_tokenizer(base),
            room=room,
            as_it_speaks=model.disable_adapter,
        ),
        "tuned": Speaker(model=model, tokenizer=own_tokenizer(adapter, base), room=room),
    }


def own_tokenizer(folder: Path, base: Path) -> Any:
    """With the chat template it was trained with."""
    return hugging_face.load_tokenizer(folder if (folder / "tokenizer_config.json").exists() else base)


def speaker(folder: Path) -> Speaker:
    model = hugging_face.load_model(folder, dtype=dtype()).to(device()).eval()
    return Speaker(model=model, tokenizer=hugging_face.load_tokenizer(folder), room=hugging_face.longest_text(folder))


class Writer(TextStreamer):
    """Hands on an answer as it comes, by whole words."""

    def __init__(self, tokenizer: Any, question: int, who: Who, say: Say) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self.question, self.who, self.say = question, who, say

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        if text:
            self.say(Words(id=self.question, who=self.who, text=text))


def speak(one: Speaker, question: Question, writer: Writer) -> None:
    tokenizer = one.tokenizer
    text = answers.written(question.prompt, tokenizer)
    batch = tokenizer(text, return_tensors="pt", add_special_tokens=not tokenizer.chat_template).to(one.model.device)
    length = batch["input_ids"].shape[1]
    if one.room and length >= one.room:
        raise TrainingError(f"The prompt has {length} tokens, and the model reads {one.room} at most with its answer.")
    most = min(question.max_tokens, one.room - length) if one.room else question.max_tokens
    drawn = {"do_sample": True, "temperature": question.temperature} if question.temperature else {"do_sample": False}
    torch.manual_seed(question.seed)
    with torch.inference_mode(), one.as_it_speaks():
        one.model.generate(**batch, max_new_tokens=most, max_time=dialogue.SECONDS_AN_ANSWER, streamer=writer, **drawn)


def scorer(folder: Path) -> Callable[[Question, Say], None]:
    """Gives an answer a number as it did while it was trained."""
    rating.check_kind(folder)
    tokenizer = hugging_face.load_tokenizer(folder)
    model = hugging_face.load_scorer(folder, dtype=dtype(), padding=tokenizer.pad_token_id, seed=0).eval().to(device())
    room = hugging_face.longest_text(folder)

    def score(question: Question, say: Say) -> None:
        read = rating.tokens(question.prompt, question.rated, tokenizer, room)
        (number,) = rating.scores([read], model, tokenizer)
        say(Words(id=question.id, who="tuned", text=f"{number:.4f}"))

    return score


def lines_of(stream: TextIO) -> Iterator[str]:
    """Line by line as they come. When the stream ends, whoever asked is gone: this process ends at once."""
    came: SimpleQueue[str] = SimpleQueue()

    def listen() -> None:
        for line in stream:
            came.put(line)
        os._exit(0)

    threading.Thread(target=listen, name="questions", daemon=True).start()
    while True:
        yield came.get()
