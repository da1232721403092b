"""What a model of somebody's own code was given in a micro-run, for the token view: the witness's ids as texts."""

import json
from pathlib import Path

from training_methods.trainers import hugging_face, preview
from training_methods.trainers.base import RunSpec
from training_methods.trainers.preview import Preview
from training_methods.trainers.scripts import deepext_witness


def of(directory: Path) -> Preview:
    """Of the run in this folder. Raises OSError where its witness saw nothing."""
    texts = json.loads((directory / deepext_witness.FILE).read_bytes())
    spec = RunSpec.model_validate_json((directory / "run.json").read_bytes())
    tokenizer = hugging_face.load_tokenizer(spec.base_model)
    longest = max(len(text["tokens"]) for text in texts)
    found = Preview(kind="watched", max_length=longest, has_template=False, end=tokenizer.eos_token or "")
    for number, text in enumerate(texts, 1):
        learnt = text["learnt"] or [False] * len(text["tokens"])
        example = preview.shown(found, number, "", text["tokens"], learnt, tokenizer)
        found.examples.append(example.model_copy(update={"is_labelled": text["learnt"] is not None}))
    return found
