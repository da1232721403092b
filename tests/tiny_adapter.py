"""A LoRA adapter for the tiny model whose answers differ from the base's, made without a training."""

import subprocess
import sys
from pathlib import Path

MAKE = """
import sys, torch
from peft import LoraConfig, get_peft_model
from training_methods.trainers import hugging_face

base, folder = sys.argv[1:]
torch.manual_seed(1)
model = hugging_face.load_model(hugging_face.Path(base), dtype=torch.float32)
model = get_peft_model(model, LoraConfig(r=4, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"))
for name, weights in model.named_parameters():
    if "lora_B" in name:
        torch.nn.init.normal_(weights, std=0.2)
model.save_pretrained(folder)
hugging_face.load_tokenizer(hugging_face.Path(base)).save_pretrained(folder)
"""


def make_tiny_adapter(base: Path, folder: Path) -> Path:
    """Write it in a child process, which alone imports torch."""
    subprocess.run([sys.executable, "-c", MAKE, str(base), str(folder)], check=True, capture_output=True)
    return folder
