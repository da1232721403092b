"""A folder as a zip file, made while it is sent: nothing is held but the piece on its way."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

PIECE = 1 << 20  # bytes


class Outbox(io.RawIOBase):
    """A file one can only write to; what was written is taken from it piece by piece."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def zipped(folder: Path, *, without: str = "") -> Iterator[bytes]:
    """Pieces of a zip file with every file of the folder, stored as it is: weights do not get smaller.

    Links are left out: they may lead anywhere on this machine. So is the folder in it that is called `without`.
    """
    outbox = Outbox()
    with zipfile.ZipFile(outbox, "w") as archive:
        for path in files_of(folder, without):
            name = Path(folder.name) / path.relative_to(folder)
            entry = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)  # some are of 1970, others of 2107
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while piece := source.read(PIECE):
                    target.write(piece)
                    yield outbox.take()
    yield outbox.take()


def files_of(folder: Path, without: str = "") -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in found if path.relative_to(folder).parts[0] != without)
