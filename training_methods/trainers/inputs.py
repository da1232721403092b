"""What a run starts from, and what is known of it before a row is read or a model loaded."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from training_methods.trainers.rows import DataFormat, match


class DatasetFile(BaseModel):
    """A dataset as a run sees it: the file, its format, and which of its columns stands for which of the format's."""

    path: Path
    data_format: DataFormat
    mapping: dict[str, str] = Field(default_factory=dict)
    columns: list[str] | None = Field(None, description="The file's; None: nobody has looked")
    row_count: int | None = Field(None, description="None: nobody has counted them")
    in_turns: bool | None = Field(None, description="Whether rows hold conversations; None: nobody has looked")

    def lacks(self, column: str) -> bool:
        """Whether no row can have this column. What completes a prompt is its answer too."""
        if self.columns is None:
            return False
        found = match(self.data_format, self.columns, self.mapping) or {}
        return column not in found and not (column == "answer" and "completion" in found)


class ModelFacts(BaseModel):
    """What a model's folder tells without loading it. None: it does not tell."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = ""
    weights: str | None = Field(None, description="safetensors or gguf")
    vocabulary_size: int | None = None
    context_length: int | None = None
    has_chat_template: bool | None = None

    @classmethod
    def of(cls, folder: Path, name: str = "") -> Self:
        content: Any = None
        with suppress(OSError, ValueError):
            content = json.loads((folder / "config.json").read_bytes())
        config = content if isinstance(content, dict) else {}
        is_gguf = any(folder.glob("*.gguf")) and not any(folder.glob("*.safetensors"))
        return cls(
            name=name or folder.name,
            weights="gguf" if is_gguf else "safetensors",
            vocabulary_size=size(config.get("vocab_size")),
            context_length=size(config.get("max_position_embeddings")),
        )


def size(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


class Inputs(BaseModel):
    """What a trainer's `objections` may go by. `models` has those that parameters refer to, by name."""

    model_config = ConfigDict(frozen=True)

    base_model: ModelFacts
    dataset: DatasetFile
    models: dict[str, ModelFacts] = Field(default_factory=dict)
    rewards_file: Path | None = Field(None, description="The site's own reward functions, if it has any")

    @property
    def row_count(self) -> int | None:
        return self.dataset.row_count
