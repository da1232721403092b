"""Files from browsers that wait for somebody to say what their columns mean. After a day they are gone."""

import time
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

from django.conf import settings
from django.core import signing
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import UploadedFile

SALT = "training_jobs.uploads"
KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Upload:
    """The file lies under a name of ours; the browser's name for it is only remembered."""

    key: str
    name: str
    title: str  # what the dataset shall be called

    @classmethod
    def keep(cls, file: UploadedFile, *, title: str) -> Self:
        prune()
        upload = cls(uuid4().hex, Path(file.name or "upload").name, title)
        FileSystemStorage(settings.MEDIA_ROOT).save(upload.key, file)
        return upload

    @classmethod
    def waiting(cls, token: str) -> Self | None:
        try:
            upload = cls(*signing.loads(token, salt=SALT))
        except signing.BadSignature:
            return None
        return upload if upload.path.exists() else None

    @property
    def token(self) -> str:
        """Stands for the upload in addresses; nobody can make one up."""
        return signing.dumps(astuple(self), salt=SALT)

    @property
    def path(self) -> Path:
        return Path(settings.MEDIA_ROOT) / self.key

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)


def prune() -> None:
    """Others may be brought in, or pruned, at the same time."""
    for path in Path(settings.MEDIA_ROOT).glob("*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                path.unlink()
