"""Unpacks a GGUF file into a model folder that can be trained, saved and adapted.

Imports the training stack, so it is imported by the child process alone.
"""

from pathlib import Path

import torch

from training_methods.trainers import hugging_face


def convert(source: Path, target: Path) -> None:
    """Write bf16 safetensors and the tokenizer of the source, a GGUF file or its folder, to the folder `target`."""
    folder = source if source.is_dir() else source.parent
    hugging_face.load_model(folder, dtype=torch.bfloat16).save_pretrained(target)
    hugging_face.load_tokenizer(folder).save_pretrained(target)
