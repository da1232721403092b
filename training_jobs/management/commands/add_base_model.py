import json
from typing import Any

from django.contrib.humanize.templatetags.humanize import intword
from django.core.management.base import BaseCommand, CommandError, CommandParser

from training_jobs import base_models
from training_jobs.models import FoundationModel


class Command(BaseCommand):
    help = "Checks a base model and takes it on record: a folder of this machine, or a model of the Hugging Face hub."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", metavar="DIR_OR_HUB_ID")
        parser.add_argument("--name", required=True)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            model = base_models.add(options["model"], name=options["name"])
        except base_models.BadBaseModel as bad:
            raise CommandError(str(bad)) from bad
        self.stdout.write(json.dumps(described(model)) if options["json"] else line_about(model))


def line_about(model: FoundationModel) -> str:
    template = "with" if model.has_chat_template else "without"
    return (
        f"Added “{model.name}”: {model.architecture}, {intword(model.parameter_count)} parameters, "
        f"{model.get_weights_display()}, {template} chat template, fingerprint {model.fingerprint[:12]}…"
    )


def described(model: FoundationModel) -> dict[str, Any]:
    return {
        "id": model.pk,
        "name": model.name,
        "path": str(model.path),
        "hub_id": model.hub_id,
        "kind": model.kind,
        "architecture": model.architecture,
        "weights": model.weights,
        "parameters": model.parameter_count,
        "context_length": model.context_length,
        "vocabulary_size": model.vocabulary_size,
        "has_chat_template": model.has_chat_template,
        "license": model.license_name,
        "size": model.size_bytes,
        "fingerprint": model.fingerprint,
    }
