"""What a worker and the child that makes one model out of another say to each other, a JSON line each."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter


class Merging(BaseModel):
    """An adapter is to be put into the weights of its base model."""

    adapter: Path
    base: Path
    output: Path
    name: str
    prompts: list[str]
    parameter_count: int | None = None


class Exporting(BaseModel):
    """A complete model is to be written as a GGUF file, alone in its folder."""

    folder: Path
    output: Path
    weights: Literal["f16", "q8_0"]
    name: str
    prompts: list[str]
    parameter_count: int | None = None


class Progress(BaseModel):
    kind: Literal["progress"] = "progress"
    step: Literal["loading", "writing", "comparing"]


class Made(BaseModel):
    """`likeness` is that of the module of this name."""

    kind: Literal["made"] = "made"
    weights: str
    likeness: dict[str, Any]


class Trouble(BaseModel):
    kind: Literal["trouble"] = "trouble"
    message: str


Reply = Annotated[Progress | Made | Trouble, Field(discriminator="kind")]
REPLY: TypeAdapter[Progress | Made | Trouble] = TypeAdapter(Reply)
