"""Whether what a training left can be used: it is loaded the way its reader would, and asked once.

Imports the training stack, so it is imported by the child process alone.
"""

from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig, PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

from training_methods.trainers import hugging_face
from training_methods.trainers.base import TrainingError

SCORING = "ForSequenceClassification"  # what a reward model is in transformers


def check(output: Path, base_model: Path) -> str:
    """What it is, in words. Raises TrainingError, or whatever loading it raises."""
    is_adapter = (output / "adapter_config.json").exists()
    if not is_adapter and not (output / "config.json").exists():
        raise TrainingError(
            "It holds neither adapter_config.json nor config.json.", "Save the model with its tokenizer."
        )
    model = adapter(output, base_model) if is_adapter else complete(output)
    tokenizer = hugging_face.load_tokenizer(output if (output / "tokenizer_config.json").exists() else base_model)
    with torch.inference_mode():
        logits = model.eval()(**tokenizer("Who makes the kettle?", return_tensors="pt")).logits
    if not torch.isfinite(logits).all():
        raise TrainingError("It answers with values that are no numbers.")
    return "an adapter on its base model" if is_adapter else f"a complete model, {type(model).__name__}"


def adapter(output: Path, base_model: Path) -> Any:
    if PeftConfig.from_pretrained(output).task_type == "SEQ_CLS":
        base = AutoModelForSequenceClassification.from_pretrained(base_model, num_labels=1)
    else:
        base = AutoModelForCausalLM.from_pretrained(base_model)
    return PeftModel.from_pretrained(base, output)


def complete(output: Path) -> Any:
    architectures = AutoConfig.from_pretrained(output).architectures or [""]
    scoring = architectures[0].endswith(SCORING)
    return (AutoModelForSequenceClassification if scoring else AutoModelForCausalLM).from_pretrained(output)
