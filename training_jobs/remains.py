"""What processes that were killed left half done in the data directory. After a day nobody works on it any more."""

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings

KEPT_SECONDS = 24 * 3600
PATTERNS = ("datasets/.import-*", "models/.making-*", "rehearsal-*", "try-out-*", "check-*")
"""Imports of datasets, models that were being made, micro-runs, sessions with models, trainer checks. The folders of
the commands check_trainer and run_trainer are kept for people."""

logger = logging.getLogger(__name__)


def remove() -> None:
    """Another worker may be at it too. What cannot be removed is logged, and the next sweep tries again."""
    for path in old_ones():
        logger.info("Removing what was left half done: %s", path)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
            continue
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("What was left half done stays for now: %s", error)


def old_ones() -> Iterator[Path]:
    for pattern in PATTERNS:
        for path in Path(settings.DATA_DIR).glob(pattern):
            with suppress(FileNotFoundError):
                if time.time() - path.lstat().st_mtime > KEPT_SECONDS:
                    yield path
