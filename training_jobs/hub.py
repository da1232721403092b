"""Downloads from the Hugging Face hub, where its package is installed and the network allows it."""

import re
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
FILES = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "README.md", "LICENSE*"]  # no pickles, no code


class NotDownloaded(Exception):
    """The message is a sentence that names the model."""


def download(hub_id: str) -> Path:
    """The folder of a model in the data directory; what an earlier try left there is not fetched again."""
    try:
        from huggingface_hub import errors, snapshot_download
    except ImportError:
        raise not_downloaded(hub_id, _("the package huggingface_hub is not installed")) from None
    folder = Path(settings.DATA_DIR) / "base-models" / hub_id.replace("/", "--")
    try:
        return Path(snapshot_download(hub_id, local_dir=folder, allow_patterns=FILES))
    except errors.GatedRepoError:
        why = _("its owner asks for an agreement first, then sign in with “hf auth login”")
        raise not_downloaded(hub_id, why) from None
    except errors.RepositoryNotFoundError:
        raise not_downloaded(hub_id, _("the hub has no such model, or a private one")) from None
    except errors.LocalEntryNotFoundError as error:
        offline = "HF_HUB_OFFLINE" in str(error)
        why = _("HF_HUB_OFFLINE is set") if offline else _("the hub cannot be reached from this machine")
        raise not_downloaded(hub_id, why) from error
    except (errors.HTTPError, errors.HFValidationError, OSError) as error:
        raise not_downloaded(hub_id, str(error).partition("\n")[0].rstrip(".")) from error


def not_downloaded(hub_id: str, why: str) -> NotDownloaded:
    sentence = _("“%(model)s” is no folder here and could not be downloaded: %(why)s.")
    return NotDownloaded(sentence % {"model": hub_id, "why": why})
