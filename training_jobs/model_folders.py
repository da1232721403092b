"""What the folder of a model holds, read without loading it, and why it cannot be a base model."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from training_jobs.models import FoundationModel
from training_jobs.weights import MEGABYTE, BadWeights, Head, gguf_head, safetensors_head, shards

KINDS = {
    "ForCausalLM": FoundationModel.Kind.CAUSAL_LM,
    "LMHeadModel": FoundationModel.Kind.CAUSAL_LM,
    "ForSequenceClassification": FoundationModel.Kind.REWARD,
}
TOKENIZERS = (
    {"tokenizer.json"}, {"tokenizer.model"}, {"vocab.json", "merges.txt"}, {"vocab.txt"}, {"spiece.model"},
)  # fmt: skip
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


class BadBaseModel(Exception):
    """The message is a sentence for whoever named the model; `values` are filled into it."""

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence % values if values else sentence)


@dataclass(frozen=True)
class Facts:
    """What a folder says of its model, as FoundationModel keeps it."""

    kind: str
    architecture: str
    weights: str
    parameter_count: int
    context_length: int | None
    vocabulary_size: int | None
    has_chat_template: bool
    license_name: str
    size_bytes: int
    fingerprint: str


@dataclass(frozen=True)
class WeightFiles:
    weights: FoundationModel.Weights
    heads: dict[Path, Head]

    @property
    def metadata(self) -> dict[str, Any]:
        """What a GGUF file knows beside its tensors."""
        return next(iter(self.heads.values())).metadata


def inspect(folder: Path) -> Facts:
    """Raises BadBaseModel where no training could start from the folder."""
    try:
        refuse_no_folder(folder)
        return facts(folder)
    except BadWeights as bad:
        raise BadBaseModel(_("“%(folder)s” cannot be used: %(why)s"), folder=folder, why=bad) from bad
    except OSError as error:
        sentence = _("“%(file)s” could not be read: %(why)s.")
        raise BadBaseModel(sentence, file=error.filename or folder, why=error.strerror) from error


def refuse_no_folder(folder: Path) -> None:
    if not folder.exists():
        raise BadBaseModel(_("There is no folder “%(folder)s”."), folder=folder)
    if not folder.is_dir():
        raise BadBaseModel(_("“%(folder)s” is a file: a base model is a folder."), folder=folder)


def facts(folder: Path) -> Facts:
    refuse_adapter(folder)
    config = optional_json(folder / "config.json")
    refuse_remote_code(folder, config)
    files = weight_files(folder)
    if not config and not files.metadata:
        raise BadBaseModel(_("“%(folder)s” has no config.json."), folder=folder)
    refuse_no_tokenizer(folder, files)
    kind, architecture = architecture_of(folder, config, files.metadata)
    return Facts(
        kind=kind,
        architecture=architecture,
        weights=files.weights,
        parameter_count=sum(head.parameter_count for head in files.heads.values()),
        context_length=context_length(config, files.metadata),
        vocabulary_size=vocabulary_size(config, files.metadata),
        has_chat_template=has_chat_template(folder, files.metadata),
        license_name=license_name(folder, files.metadata),
        size_bytes=sum(path.stat().st_size for path in files.heads),
        fingerprint=fingerprint(folder, files.heads),
    )


def refuse_adapter(folder: Path) -> None:
    if (folder / "adapter_config.json").exists() and not (folder / "config.json").exists():
        sentence = _("“%(folder)s” holds an adapter, not a base model: merge it into its base model first.")
        raise BadBaseModel(sentence, folder=folder)


def optional_json(path: Path) -> dict[str, Any]:
    """Empty where there is no such file."""
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadBaseModel(_("“%(file)s” is not JSON: %(why)s."), file=path, why=error) from error
    if not isinstance(content, dict):
        raise BadBaseModel(_("“%(file)s” holds no JSON object."), file=path)
    return content


def refuse_remote_code(folder: Path, config: dict[str, Any]) -> None:
    for name, content in (
        ("config.json", config),
        ("tokenizer_config.json", optional_json(folder / "tokenizer_config.json")),
    ):
        if "auto_map" in content:
            sentence = _(
                "“%(folder)s” needs code of its own, which is never run here: %(file)s names it under “auto_map”."
            )
            raise BadBaseModel(sentence, folder=folder, file=name)


def weight_files(folder: Path) -> WeightFiles:
    """safetensors, one file or all the shards of its index, before GGUF."""
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    paths = [single] if single.exists() else list(shards(index)) if index.exists() else []
    if paths:
        return WeightFiles(FoundationModel.Weights.SAFETENSORS, {path: safetensors_head(path) for path in paths})
    ggufs = sorted(folder.glob("*.gguf"))
    if len(ggufs) > 1:
        names = ", ".join(path.name for path in ggufs)
        sentence = _("“%(folder)s” holds %(number)d GGUF files (%(names)s): keep the one to train.")
        raise BadBaseModel(sentence, folder=folder, number=len(ggufs), names=names)
    if ggufs:
        return WeightFiles(FoundationModel.Weights.GGUF, {ggufs[0]: gguf_head(ggufs[0])})
    raise no_weights(folder)


def no_weights(folder: Path) -> BadBaseModel:
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        sentence = _(
            "“%(folder)s” holds its weights only as a pickle (%(file)s), and loading one can run any code: convert "
            "it where that does no harm, with from_pretrained(…) and save_pretrained(…), which writes safetensors."
        )
        return BadBaseModel(sentence, folder=folder, file=pickles[0])
    others = sorted(path.name for path in folder.glob("*.safetensors"))
    sentence = _("“%(folder)s” has no weights: neither model.safetensors, nor its index, nor a GGUF file.")
    if others:
        sentence += " " + _("%(file)s is not a name that is looked for.")
    return BadBaseModel(sentence, folder=folder, file="".join(others[:1]))


def refuse_no_tokenizer(folder: Path, files: WeightFiles) -> None:
    here = {path.name for path in folder.iterdir()}
    if not any(names <= here for names in TOKENIZERS) and "tokenizer.ggml.tokens" not in files.metadata:
        sentence = _("“%(folder)s” has no tokenizer: neither tokenizer.json nor tokenizer.model.")
        raise BadBaseModel(sentence, folder=folder)
    optional_json(folder / "tokenizer.json")


def architecture_of(folder: Path, config: dict[str, Any], metadata: dict[str, Any]) -> tuple[str, str]:
    if not config:
        return FoundationModel.Kind.CAUSAL_LM, str(metadata.get("general.architecture", "unknown"))
    named = config.get("architectures")
    if not (isinstance(named, list) and named):
        sentence = _("“%(file)s” names no architecture under “architectures”.")
        raise BadBaseModel(sentence, file=folder / "config.json")
    architecture = str(named[0])[:100]
    kind = next((kind for ending, kind in KINDS.items() if architecture.endswith(ending)), None)
    if kind is None:
        sentence = _("“%(folder)s” is a %(architecture)s: one that ends in %(endings)s is needed.")
        raise BadBaseModel(sentence, folder=folder, architecture=architecture, endings=_(" or ").join(KINDS))
    return kind, architecture


def context_length(config: dict[str, Any], metadata: dict[str, Any]) -> int | None:
    names = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length")
    architecture = metadata.get("general.architecture")
    return first_number(*(config.get(name) for name in names), metadata.get(f"{architecture}.context_length"))


def vocabulary_size(config: dict[str, Any], metadata: dict[str, Any]) -> int | None:
    return first_number(config.get("vocab_size"), metadata.get("tokenizer.ggml.tokens"))


def first_number(*values: object) -> int | None:
    return next((value for value in values if isinstance(value, int) and 0 < value < 2**31), None)


def has_chat_template(folder: Path, metadata: dict[str, Any]) -> bool:
    files = ("chat_template.jinja", "chat_template.json")
    return (
        bool(optional_json(folder / "tokenizer_config.json").get("chat_template"))
        or any((folder / name).exists() for name in files)
        or "tokenizer.chat_template" in metadata
    )


def license_name(folder: Path, metadata: dict[str, Any]) -> str:
    """As the model card's front matter has it (“license: apache-2.0”)."""
    text = beginning_of(folder / "README.md")
    front_matter = text.split("\n---", 1)[0] if text.startswith("---") else ""
    named = dict(re.findall(r"^(license|license_name):\s*[\"']?([\w.+-]+)", front_matter, re.MULTILINE))
    name = named.get("license_name") or named.get("license") or metadata.get("general.license", "")
    return str(name)[:100]


def beginning_of(card: Path) -> str:
    if not card.is_file():
        return ""
    with card.open(errors="replace") as file:
        return file.read(MEGABYTE)


def fingerprint(folder: Path, heads: dict[Path, Head]) -> str:
    """Over the configuration and each weight file's name, size, header and first megabyte of tensors."""
    digest = hashlib.sha256()
    config = folder / "config.json"
    digest.update(config.read_bytes() if config.exists() else b"")
    for path, head in sorted(heads.items()):
        digest.update(f"\n{path.name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(head.data_start + MEGABYTE))
    return digest.hexdigest()
