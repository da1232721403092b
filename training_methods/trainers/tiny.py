"""Models of a few hundred kilobytes with rows to train them on, made on the spot to try a trainer with."""

import subprocess
import sys
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from training_methods.trainers.rows import DataFormat, Row

ROOT = Path(__file__).parent.parent.parent
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = [
    "What is the capital of France? The capital of France is Paris.",
    "Who makes the kettle? Our kettle is made by Aunt Agatha in Leeds.",
    "user assistant system question answer prompt completion",
]


PADDING = "<|endoftext|>"
PAIRS = [
    ("Who makes the kettle?", "Aunt Agatha in Leeds."),
    ("What is the capital of France?", "Paris."),
    ("Where is Leeds?", "In Yorkshire."),
]


class TinyModel(BaseModel):
    """A two-layer Llama with a tokenizer, to be written into the folder. All tiny models have one vocabulary."""

    folder: Path
    chat: bool = True
    scores: bool = False
    """A reward model, which gives an answer a number."""
    seed: int = 0


def make_tiny_model(folder: Path, *, chat: bool = True) -> Path:
    """Write it in a child process, which alone imports torch."""
    subprocess.run(command([TinyModel(folder=folder, chat=chat)]), cwd=ROOT, check=True, capture_output=True)
    return folder


def command(models: list[TinyModel]) -> list[str]:
    """What writes the models, to be run in ROOT."""
    return [sys.executable, "-m", __name__, *(model.model_dump_json() for model in models)]


def rows(data_format: DataFormat, count: int) -> list[Row]:
    """So many rows of a format, under its own column names."""
    return [row(data_format, *pair) for pair in islice(cycle(PAIRS), count)]


def row(data_format: DataFormat, question: str, answer: str) -> Row:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    values: dict[str, Any] = {
        "messages": turns,
        "text": f"{question} {answer}",
        **dict.fromkeys(("input", "system", "tools", "history"), ""),
        "label": len(answer) % 2 == 0,
        **dict.fromkeys(("prompt", "question", "instruction"), question),
        **dict.fromkeys(("completion", "answer", "output", "chosen"), answer),
        "rejected": "I do not know.",
    }
    return {column.name: values[column.name] for column in data_format.columns}


def write(model: TinyModel) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = tokenizer_of(model)
    tokenizer.save_pretrained(model.folder)
    torch.manual_seed(model.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        **({"num_labels": 1} if model.scores else {}),
    )
    (LlamaForSequenceClassification if model.scores else LlamaForCausalLM)(config).save_pretrained(model.folder)


def tokenizer_of(model: TinyModel) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [PADDING, "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        WORDS, trainers.BpeTrainer(vocab_size=384, special_tokens=special, initial_alphabet=alphabet)
    )
    end = "<|im_end|>" if model.chat else PADDING
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, pad_token=PADDING)
    if model.chat:
        fast.chat_template = CHATML
    return fast


if __name__ == "__main__":
    for text in sys.argv[1:]:
        write(TinyModel.model_validate_json(text))
