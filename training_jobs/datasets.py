"""Datasets: checked whole, then kept under their SHA-256 in the data directory."""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from training_jobs.models import Dataset
from training_methods import sentences
from training_methods.trainers import DataFormat
from training_methods.trainers.survey import Problem, Request, Survey

CHUNK = 2**20
SURVEY_SECONDS = 600


class BadDataset(Exception):
    """The message is a sentence for whoever brought the file; `problems` are the first rows that cannot be used."""

    def __init__(self, message: str, survey: Survey | None = None) -> None:
        super().__init__(message)
        self.survey = survey or Survey()

    @property
    def problems(self) -> list[Problem]:
        return self.survey.problems

    @property
    def unit(self) -> str:
        return self.survey.file_type.unit if self.survey.file_type else "line"


class DatasetInUse(Exception):
    """The message is a sentence that names the jobs."""


def import_file(
    path: Path | str,
    *,
    name: str = "",
    user: AbstractBaseUser | AnonymousUser | None = None,
    data_format: DataFormat | None = None,
    mapping: dict[str, str] | None = None,
    original_name: str | None = None,
) -> Dataset:
    """Copies a file in and checks every row. Raises BadDataset, and then nothing is left behind."""
    source = Path(path)
    original = Path(original_name or source).name[-255:]
    refuse_no_file(source)
    name = unused_name(name.strip() or Path(original).stem[:100])
    with copied(source) as (draft, sha256):
        request = Request(path=draft, name=original, data_format=data_format, mapping=mapping or {})
        found = usable(survey(request), original)
        record = Dataset(name=name, original_name=original, sha256=sha256, created_by_id=user.pk if user else None)
        return keep(draft, record, found)


def unused_name(name: str) -> str:
    if not name or len(name) > 100 or not name.isprintable():
        sentence = _("“%(name)s” cannot be a dataset's name: it takes 1 to 100 printable characters.")
        raise BadDataset(sentence % {"name": name[:40]})
    if Dataset.objects.filter(name__iexact=name).exists():
        raise taken(name)
    return name


def taken(name: str) -> BadDataset:
    return BadDataset(_("A dataset named “%(name)s” exists already: choose another name.") % {"name": name})


def refuse_no_file(source: Path) -> None:
    if source.is_dir():
        raise BadDataset(_("“%(file)s” is a folder: a dataset is one file.") % {"file": source})
    if not source.exists():
        raise BadDataset(_("There is no file “%(file)s”.") % {"file": source})
    if not source.is_file():
        raise BadDataset(_("“%(file)s” is a device or a pipe: a dataset is a file.") % {"file": source})


@contextmanager
def copied(source: Path) -> Iterator[tuple[Path, str]]:
    """A copy of the file as it is now, which nobody else writes to, and its SHA-256."""
    folder = Path(settings.DATA_DIR) / "datasets"
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".import-", delete=False) as file:
        draft = Path(file.name)
    try:
        try:
            with source.open("rb") as original, draft.open("wb") as copy:
                while chunk := original.read(CHUNK):
                    digest.update(chunk)
                    copy.write(chunk)
        except OSError as error:
            said = {"file": source, "why": error.strerror}
            raise BadDataset(_("“%(file)s” could not be copied: %(why)s.") % said) from error
        yield draft, digest.hexdigest()
    finally:
        draft.unlink(missing_ok=True)


def look(path: Path, *, original_name: str) -> Survey:
    """The file's columns and first rows, and its format where that shows. Raises BadDataset where it has neither."""
    found = survey(Request(path=path, name=original_name, data_format=None, whole=False))
    return found if found.columns else usable(found, original_name)


def survey(request: Request) -> Survey:
    """Reads the file in a child process of limited memory."""
    try:
        child = subprocess.run(
            [sys.executable, "-m", "training_methods.trainers.survey"],
            cwd=settings.BASE_DIR,
            input=request.model_dump_json(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SURVEY_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Survey(refusal=f"took more than {SURVEY_SECONDS // 60} minutes to check")
    if child.returncode:
        why = child.stderr.strip().rpartition("\n")[2] or f"signal {-child.returncode}"
        return Survey(refusal=f"could not be read: its reader ended with {why}")
    return Survey.model_validate_json(child.stdout)


def usable(found: Survey, original: str) -> Survey:
    if found.refusal:
        said = {"file": original, "is_so": sentences.translated(found.refusal).rstrip(".。")}
        raise BadDataset(_("%(file)s %(is_so)s.") % said, found)
    return found


def keep(draft: Path, record: Dataset, found: Survey) -> Dataset:
    """Records the dataset and moves its file into place, both or neither."""
    path = draft.with_name(f"{record.sha256}.{found.file_type}")
    record.path, record.size_bytes = str(path), draft.stat().st_size
    record.file_type, record.data_format = str(found.file_type), str(found.data_format)
    record.columns, record.mapping, record.preview = found.columns, found.mapping, found.preview
    record.row_count = found.row_count
    try:
        with transaction.atomic():
            record.save(force_insert=True)
            draft.replace(path)
    except IntegrityError:
        raise taken(record.name) from None
    return record


def may_delete(dataset: Dataset, user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whoever brought it, or staff."""
    return user.pk is not None and (dataset.created_by_id == user.pk or getattr(user, "is_staff", False))


def needed_by(dataset: Dataset) -> list[str]:
    """The names of jobs, three at most, that have not ended and will read the file."""
    return list(dataset.jobs.unended().values_list("name", flat=True)[:3])


def delete(dataset: Dataset, *, user: AbstractBaseUser | AnonymousUser | None = None) -> None:
    """Deletes the record, and its file unless another dataset has the same rows. Raises DatasetInUse."""
    if user and not may_delete(dataset, user):
        sentence = _("“%(name)s” was added by somebody else: staff can delete it.")
        raise PermissionDenied(sentence % {"name": dataset.name})
    if needed := needed_by(dataset):
        sentence = _("“%(name)s” is needed by %(trains)s: wait for the end, or cancel first.")
        raise DatasetInUse(sentence % {"name": dataset.name, "trains": ", ".join(needed)})
    with transaction.atomic():
        dataset.delete()
        # Inside the transaction, so that on SQLite no import of the same rows comes between.
        if not Dataset.objects.filter(path=dataset.path).exists():
            Path(dataset.path).unlink(missing_ok=True)
