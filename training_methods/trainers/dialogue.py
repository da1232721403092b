"""What a worker and the child that answers prompts say to each other, a JSON line each."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from training_methods.trainers import failures
from training_methods.trainers.base import TrainingError

MOST_TOKENS = 1024
LONGEST_PROMPT = 8000  # characters
SECONDS_AN_ANSWER = 180.0

Who = Literal["base", "tuned"]


class Scene(BaseModel):
    """Who is to answer."""

    tuned: Path
    base: Path | None
    parameter_count: int | None = None
    """Of the base model, to see whether memory is enough."""


class Question(BaseModel):
    id: int
    prompt: str
    rated: str = ""
    """The answer that a reward model is to score."""
    temperature: float = 0.0
    """0: the likeliest words, which repeat."""
    max_tokens: int = Field(200, ge=1, le=MOST_TOKENS)
    seed: int = 0
    order: tuple[Who, Who] = ("base", "tuned")


class Ready(BaseModel):
    """The models are loaded."""

    kind: Literal["ready"] = "ready"


class Words(BaseModel):
    """More of an answer."""

    kind: Literal["words"] = "words"
    id: int
    who: Who
    text: str


class Answered(BaseModel):
    """All who answer have; or why not."""

    kind: Literal["answered"] = "answered"
    id: int
    refusal: str = ""


class Trouble(BaseModel):
    """Nothing can be answered at all."""

    kind: Literal["trouble"] = "trouble"
    message: str


Reply = Annotated[Ready | Words | Answered | Trouble, Field(discriminator="kind")]
REPLY: TypeAdapter[Ready | Words | Answered | Trouble] = TypeAdapter(Reply)


def in_words(error: Exception) -> str:
    """Why nothing came of it, for somebody who trains nothing."""
    if isinstance(error, TrainingError):
        return f"{error} {error.hint}".strip()
    if isinstance(error, MemoryError) or failures.has_words(error, failures.OUT_OF_MEMORY):
        return "The machine ran out of memory. Try again when less runs there."
    first_line = next(iter(str(error).strip().splitlines()), "")
    return f"It stopped with an error that was not expected: {type(error).__name__}: {first_line}"
