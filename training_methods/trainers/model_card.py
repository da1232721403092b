"""The model card: README.md beside a trained model, saying what it is, how it came about, and how to load it."""

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from training_methods.trainers.base import Run, Trainer

if TYPE_CHECKING:
    from training_methods.trainers.examples import Examples

LIBRARIES = ("torch", "transformers", "trl", "peft", "datasets", "accelerate")

CARD = """---
{front_matter}
---

# {name}

{base} trained with **{label}** in DeepExtension. {doc}

| | |
|---|---|
| Base model | {base} |
| Method | {label} (`{slug}`) |
| Dataset | {rows:,} rows, {data_format}, `{file}` |
| Tokens | {tokens:,} in all, {learnt:,} of them to be learnt |
| Steps | {steps} ({epochs:.2f} epochs) |
{results}
| Seed | {seed} |

## How to use it

```python
{usage}
```

## Parameters

| parameter | value |
|---|---|
{parameters}

## Libraries

{libraries}
"""

PLACE = "PATH/TO/THIS/FOLDER"
ADAPTER = """from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer{more}

tokenizer = AutoTokenizer.from_pretrained("PATH/TO/THIS/FOLDER")
base = AutoModelForCausalLM.from_pretrained({base_model})
model = PeftModel.from_pretrained(base, "PATH/TO/THIS/FOLDER")
"""

COMPLETE = """from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("PATH/TO/THIS/FOLDER")
model = AutoModelForCausalLM.from_pretrained("PATH/TO/THIS/FOLDER")
"""

SCORER = """from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("PATH/TO/THIS/FOLDER")
model = AutoModelForSequenceClassification.from_pretrained("PATH/TO/THIS/FOLDER")
answer = tokenizer("… the prompt and the answer …", return_tensors="pt")
print(model(**answer).logits.item())  # the higher, the better the answer
"""

CHAT = """
prompt = tokenizer.apply_chat_template(
    [{"role": "user", "content": "…"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
)
answer = model.generate(**prompt, max_new_tokens=200)
print(tokenizer.decode(answer[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True))"""

PLAIN = """
prompt = tokenizer("…", return_tensors="pt")
print(tokenizer.decode(model.generate(**prompt, max_new_tokens=200)[0], skip_special_tokens=True))"""

RESULTS = {
    "loss": "Final loss",
    "eval_loss": "Evaluation loss",
    "mean_token_accuracy": "Final token accuracy",
    "rewards/accuracies": "Pairs told apart",
    "eval_rewards/accuracies": "Pairs told apart in evaluation",
    "accuracy": "Pairs told apart",
    "eval_accuracy": "Pairs told apart in evaluation",
    "reward": "Final reward",
    "eval_reward": "Reward in evaluation",
}


def write(run: Run, trainer: Trainer, data: "Examples", *, steps: int, epochs: float) -> None:
    """Write the card of the result in `run.output`."""
    (run.output / "README.md").write_text(card(run, trainer, data, steps, epochs), encoding="utf-8")


def card(run: Run, trainer: Trainer, data: "Examples", steps: int, epochs: float) -> str:
    spec, dataset = run.spec, run.spec.dataset
    base = spec.base_model_name or run.base_model.name
    return CARD.format(
        front_matter=front_matter(run, base),
        name=spec.model_name or f"{base}, {trainer.label}",
        base=base,
        label=trainer.label,
        slug=trainer.slug,
        doc=(type(trainer).__doc__ or "").strip().partition("\n")[0],
        rows=data.count.rows,
        data_format=dataset.data_format.label.lower(),
        file=dataset.path.name,
        tokens=data.count.tokens,
        learnt=data.count.learnt,
        steps=in_words(run, steps),
        epochs=epochs,
        results="\n".join(
            f"| {words} | {run.latest[name]:.4f} |" for name, words in RESULTS.items() if name in run.latest
        ),
        seed=run.seed,
        usage=usage(run.output, run.base_model),
        parameters="\n".join(f"| {name} | {in_a_cell(value)} |" for name, value in trainer.model_dump().items()),
        libraries=", ".join(f"{library} {version(library)}" for library in LIBRARIES),
    )


def in_a_cell(value: object) -> str:
    """A setting as it may stand in a table: a text's own bars and line breaks do not end its cell."""
    return " ".join(str(value).split("\n")).replace("|", "\\|")


def in_words(run: Run, steps: int) -> str:
    if run.ends_early and run.total_steps and steps < run.total_steps:
        return f"{steps:,} of {run.total_steps:,}: ended early on request"
    return f"{steps:,}"


def merged(card: str, name: str, output: Path, base_model: Path, weights: str) -> str:
    """The card of an adapter as that of the complete model it was merged into; one of its own where there is none."""
    how = f"## How to use it\n\n```python\n{usage(output, base_model)}\n```\n"
    said = f"An adapter merged into its base model, {base_model.name}; the weights are {weights}."
    if "## How to use it" not in card:  # another's card: PEFT's own holds nothing but blanks
        return f"# {name}\n\n{said}\n\n{how}"
    card = card.replace("library_name: peft", "library_name: transformers", 1)
    card = re.sub(r"^# .*$", lambda _: f"# {name}\n\n{said}", card, count=1, flags=re.MULTILINE)
    return re.sub(r"## How to use it\n\n```python\n.*?\n```\n", lambda _: how, card, count=1, flags=re.DOTALL)


def front_matter(run: Run, base: str) -> str:
    """What other tools read of a card, as YAML; JSON's strings are YAML's too."""
    library = "peft" if is_adapter(run.output) else "transformers"
    lines = [
        f"base_model: {json.dumps(base, ensure_ascii=False)}",
        f"library_name: {library}",
        f"pipeline_tag: {'text-classification' if is_scorer(run.output) else 'text-generation'}",
        f"tags: [deepextension, {run.spec.trainer}]",
    ]
    license_line = license_of(run.base_model)
    return "\n".join([license_line, *lines] if license_line else lines)


def license_of(base_model: Path) -> str | None:
    """The `license:` line of the base model's own card: what is tuned stays under it."""
    readme = base_model / "README.md"
    if not readme.exists():
        return None
    _, _, front = readme.read_text(encoding="utf-8", errors="replace").partition("---\n")
    return next((line for line in front.partition("---\n")[0].splitlines() if line.startswith("license:")), None)


def usage(output: Path, base_model: Path) -> str:
    """Python that loads it and asks it something, once the reader has put in the folder and a prompt."""
    if is_scorer(output):
        return SCORER
    loading = adapter_loading(base_model) if is_adapter(output) else COMPLETE
    return loading + (CHAT if (output / "chat_template.jinja").exists() else PLAIN)


def usage_in_place(output: Path, base_model: Path) -> str:
    """The same, to be run as it is on this machine."""
    in_place = usage(output, base_model).replace(f'"{PLACE}"', json.dumps(str(output), ensure_ascii=False))
    return in_place.replace('"…"', '"Who are you?"')


def adapter_loading(base_model: Path) -> str:
    """A GGUF file is unpacked, as it was for the training."""
    gguf = next(base_model.glob("*.gguf"), None) if not any(base_model.glob("*.safetensors")) else None
    folder = json.dumps(str(base_model), ensure_ascii=False)
    if not gguf:
        return ADAPTER.format(more="", base_model=folder)
    unpacked = f'{folder}, gguf_file="{gguf.name}", quantization_config=GgufConfig(dequantize=True)'
    return ADAPTER.format(more=", GgufConfig", base_model=unpacked)


def is_adapter(output: Path) -> bool:
    return (output / "adapter_config.json").exists()


def is_scorer(output: Path) -> bool:
    """Whether it is a reward model."""
    config = output / "config.json"
    return config.exists() and "ForSequenceClassification" in config.read_text(encoding="utf-8")
