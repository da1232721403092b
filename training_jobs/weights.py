"""The heads of weight files, safetensors and GGUF: read without loading a tensor."""

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, NonNegativeInt, TypeAdapter, ValidationError

MEGABYTE = 2**20
LONGEST_HEADER = 100 * MEGABYTE  # the bound that safetensors itself sets
LFS_POINTER = b"version https://git-lfs"


class BadWeights(Exception):
    """The message is a sentence that names the file."""


@dataclass(frozen=True)
class Head:
    """What the beginning of a weight file says. `metadata` is GGUF's, with the length of a list in its place."""

    parameter_count: int
    data_start: int
    metadata: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, list[int]] = field(default_factory=dict)  # by the tensor's name


class Tensor(BaseModel):
    shape: list[NonNegativeInt]
    data_offsets: tuple[NonNegativeInt, NonNegativeInt]


SAFETENSORS_HEADER: TypeAdapter[dict[str, Tensor | dict[str, str]]] = TypeAdapter(dict[str, Tensor | dict[str, str]])


def safetensors_head(path: Path) -> Head:
    """https://huggingface.co/docs/safetensors/index#format. Raises BadWeights, for a file cut short too."""
    size = path.stat().st_size
    with path.open("rb") as file:
        refuse_pointer(file, path)
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, LONGEST_HEADER):
            raise BadWeights(f"{path.name} is not safetensors, or cut short within its header.")
        tensors = tensors_of(file.read(length), path)
    refuse_other_size(path, 8 + length + max((tensor.data_offsets[1] for tensor in tensors.values()), default=0))
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    return Head(parameters_in(shapes, path), 8 + length, shapes=shapes)


def refuse_pointer(file: BinaryIO, path: Path) -> None:
    if file.read(len(LFS_POINTER)) == LFS_POINTER:
        raise BadWeights(f"{path.name} is a Git LFS pointer, not the weights: run “git lfs pull” in its folder.")
    file.seek(0)


def tensors_of(header: bytes, path: Path) -> dict[str, Tensor]:
    try:
        entries = SAFETENSORS_HEADER.validate_json(header)
    except ValidationError:
        raise no_tensors(path) from None
    return {name: entry for name, entry in entries.items() if isinstance(entry, Tensor)}


def no_tensors(path: Path) -> BadWeights:
    return BadWeights(f"{path.name} is damaged: its header does not describe tensors.")


def parameters_in(shapes: dict[str, list[int]], path: Path) -> int:
    """No number takes less than a bit, so a header that speaks of more than the file has room for is wrong."""
    count = sum(map(math.prod, shapes.values()))
    if count > 8 * path.stat().st_size:
        raise no_tensors(path)
    return count


def refuse_other_size(path: Path, needed: int) -> None:
    if (size := path.stat().st_size) != needed:
        raise BadWeights(f"{path.name} is damaged: it has {size:,} bytes where its header speaks of {needed:,}.")


# Bytes an element, by the number that GGUF gives a type. A type that is not here goes unchecked.
GGUF_ELEMENT = {
    0: Fraction(4), 1: Fraction(2), 30: Fraction(2), 2: Fraction(18, 32), 3: Fraction(20, 32), 6: Fraction(22, 32),
    7: Fraction(24, 32), 8: Fraction(34, 32), 10: Fraction(84, 256), 11: Fraction(110, 256), 12: Fraction(144, 256),
    13: Fraction(176, 256), 14: Fraction(210, 256),
}  # fmt: skip
GGUF_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
GGUF_STRING, GGUF_ARRAY = 8, 9


def gguf_head(path: Path) -> Head:
    """https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Raises BadWeights, for a file cut short too."""
    with path.open("rb") as file:
        refuse_pointer(file, path)
        if file.read(4) != b"GGUF":
            raise BadWeights(f"{path.name} is not GGUF: such a file begins with “GGUF”.")
        try:
            return GgufReader(file).head(path)
        except (struct.error, LookupError, ValueError, OverflowError):
            raise BadWeights(f"{path.name} is damaged or cut short within its header.") from None


class GgufReader:
    """Walks the header of GGUF 2 and 3, just behind the magic. A header cut short raises struct.error."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def head(self, path: Path) -> Head:
        version, tensor_count, entry_count = self._numbers("IQQ")
        if version not in (2, 3):
            raise BadWeights(f"{path.name} is GGUF of version {version}: versions 2 and 3 can be read.")
        metadata = {self._string(): self._value(self._number("I")) for _ in range(entry_count)}
        tensors = [self._tensor() for _ in range(tensor_count)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1:
            raise ValueError("nothing can be aligned to that")
        data_start = -(-self._file.tell() // alignment) * alignment
        needed = data_start + max((end for _, _, end in tensors), default=0)
        if (size := path.stat().st_size) < needed:
            raise BadWeights(f"{path.name} is cut short: it has {size:,} of {needed:,} bytes.")
        shapes = {name: shape for name, shape, _ in tensors}
        return Head(parameters_in(shapes, path), data_start, metadata, shapes)

    def _tensor(self) -> tuple[str, list[int], int]:
        """Its name, its shape, and where it ends."""
        name = self._string()
        shape = [self._number("Q") for _ in range(self._number("I"))]
        kind, offset = self._numbers("IQ")
        end = offset + math.ceil(math.prod(shape) * GGUF_ELEMENT.get(kind, Fraction(0)))
        return name, shape, end

    def _value(self, kind: int) -> Any:
        if kind == GGUF_STRING:
            return self._string()
        return self._array_length() if kind == GGUF_ARRAY else self._number(GGUF_SCALARS[kind])

    def _array_length(self) -> int:
        """Steps over the array."""
        kind, count = self._numbers("IQ")
        if kind == GGUF_STRING:
            for _ in range(count):
                self._file.seek(self._number("Q"), 1)
        else:
            self._file.seek(count * struct.calcsize(GGUF_SCALARS[kind]), 1)
        return count

    def _string(self) -> str:
        length = self._number("Q")
        if length > MEGABYTE:
            raise ValueError("longer than any name or template")
        return self._file.read(length).decode()

    def _number(self, kind: str) -> Any:
        return self._numbers(kind)[0]

    def _numbers(self, kinds: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{kinds}", self._file.read(struct.calcsize(f"<{kinds}")))


def shards(index: Path) -> Iterator[Path]:
    """The weight files that model.safetensors.index.json names. Raises BadWeights where one is not there."""
    try:
        names = set(json.loads(index.read_bytes())["weight_map"].values())
    except (ValueError, LookupError, TypeError, AttributeError):
        raise BadWeights(f"{index.name} is damaged: it maps no weights to files.") from None
    for name in sorted(map(str, names)):
        if Path(name).name != name or not (index.parent / name).is_file():
            raise BadWeights(f"The weight file {name} is missing: {index.name} names {len(names)} of them.")
        yield index.parent / name
