"""A base model's folder, small and without meaning, written without torch."""

import json
from pathlib import Path
from typing import Any

CONFIG = {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 2048, "vocab_size": 300}
CARD = "---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\nlicense: none\n"


def safetensors(**shapes: list[int]) -> bytes:
    """A file of float32 zeros."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        size = 4 * shape[0] * shape[1]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + bytes(end)


def write_base_model(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "model.safetensors").write_bytes(safetensors(embed=[300, 16], head=[16, 300]))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    (folder / "README.md").write_text(CARD)
    return folder
