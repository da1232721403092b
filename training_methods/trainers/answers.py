"""What a model answers, with and without an adapter: to look at both side by side.

Imports the training stack, so it is imported by the child process alone.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from pydantic import BaseModel

from training_methods.trainers import hugging_face


class Answer(BaseModel):
    model: Literal["base", "tuned"]
    prompt: str
    answer: str


def given(prompts: Path, base_model: Path, adapter: Path | None, *, max_tokens: int) -> Iterator[Answer]:
    """First the base model's answers, then those with the adapter. The likeliest words are taken, so they repeat."""
    questions = json.loads(prompts.read_text(encoding="utf-8"))
    # In bf16 the padding of a batch shows in the answers: the capital of France became a line of the Marseillaise.
    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    tokenizer = hugging_face.load_tokenizer(base_model)
    model = hugging_face.load_model(base_model, dtype=dtype).eval()
    yield from answered(questions, model, tokenizer, which="base", max_tokens=max_tokens)
    if adapter:
        tuned = PeftModel.from_pretrained(model, adapter)
        if (adapter / "tokenizer_config.json").exists():
            tokenizer = hugging_face.load_tokenizer(adapter)  # with the chat template it was trained with
        yield from answered(questions, tuned, tokenizer, which="tuned", max_tokens=max_tokens)


def answered(
    questions: list[str], model: Any, tokenizer: Any, *, which: Literal["base", "tuned"], max_tokens: int
) -> Iterator[Answer]:
    """All questions as one batch, which takes hardly longer than one of them."""
    tokenizer.padding_side = "left"
    batch = tokenizer(
        [written(question, tokenizer) for question in questions],
        return_tensors="pt",
        padding=True,
        add_special_tokens=not tokenizer.chat_template,
    )  # a template writes them itself
    batch = batch.to(model.device)
    with torch.inference_mode():
        tokens = model.generate(**batch, max_new_tokens=max_tokens, do_sample=False)
    said = tokenizer.batch_decode(tokens[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    for question, words in zip(questions, said, strict=True):
        yield Answer(model=which, prompt=question, answer=words.strip())


def written(question: str, tokenizer: Any) -> str:
    if not tokenizer.chat_template:
        return question
    turns = [{"role": "user", "content": question}]
    return tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
