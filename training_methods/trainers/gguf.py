"""Unpacks a GGUF file into a model folder that can be trained, saved and adapted.

Imports the training stack, so it is imported by the child process alone.
"""

import shutil
from pathlib import Path

import torch

from training_methods.trainers import hugging_face


def convert(source: Path, target: Path) -> None:
    """Write bf16 safetensors and the tokenizer to `target`, which is there whole or not at all."""
    folder = source if source.is_dir() else source.parent
    draft = target.with_name(f".{target.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    model = hugging_face.load_model(folder, dtype=torch.bfloat16)
    model.save_pretrained(draft)
    hugging_face.load_tokenizer(folder).save_pretrained(draft)
    draft.rename(target)
