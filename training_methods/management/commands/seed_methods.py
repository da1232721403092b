"""The built-in methods: brings in the missing ones, or makes one what it was."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from training_methods import registry
from training_methods.builtin_methods import BUILTIN_METHODS


class Command(BaseCommand):
    help = "Create the built-in training methods that are missing. Those that exist stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reset", choices=list(BUILTIN_METHODS), metavar="NAME", help="Restore this one instead.")

    def handle(self, *args: Any, reset: str | None, verbosity: int, **options: Any) -> None:
        for name in [reset] if reset else BUILTIN_METHODS:
            try:
                outcome = self.restore(name) if reset else self.bring_in(name)
            except ValidationError as error:
                raise CommandError(f"{name} cannot be created: {' '.join(error.messages)}") from error
            if verbosity:
                self.stdout.write(f"{name:<10} {outcome}")

    def bring_in(self, name: str) -> str:
        return "created" if registry.bring_in(name) else "is there already"

    def restore(self, name: str) -> str:
        registry.restore(name)
        return "restored"
