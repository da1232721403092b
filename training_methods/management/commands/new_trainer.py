import re
from argparse import ArgumentParser
from importlib.util import find_spec

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from training_methods import catalog
from training_methods.trainers.base import SLUG
from training_methods.trainers.discovery import built_in_file

LONGEST_NAME = 64  # as the database keeps a trainer's slug
YOURS = ("custom01", "custom02")  # built-in names that are there to be taken


class Command(BaseCommand):
    help = "Writes a trainer of your own into the trainers folder: a file that runs as it is, to be changed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="its slug and the file's name: lower-case letters, digits, - and _")
        parser.add_argument("--script", action="store_true", help="a plain script in place of a trainer class")

    def handle(self, *, name: str, script: bool, **options: object) -> None:
        refuse(name)
        file = settings.TRAINERS_DIR / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with file.open("x", encoding="utf-8") as new:
                new.write(script_named(name) if script else class_named(name))
        except FileExistsError:
            raise CommandError(f"{file} is there already.") from None
        self.stdout.write(f"Wrote {file}\n{next_steps(name)}")


def refuse(name: str) -> None:
    if not SLUG.fullmatch(name):
        raise CommandError(
            f"“{name}” is no slug: use lower-case letters and digits, and hyphens or underscores between them."
        )
    if len(name) > LONGEST_NAME:
        raise CommandError(f"The name has {len(name)} characters; it may have {LONGEST_NAME}.")
    if f"{name}.py" == catalog.REWARDS:
        raise CommandError(f"{catalog.REWARDS} is the file of your own reward functions, which holds no trainer.")
    if name in catalog.trainers() and name not in YOURS:
        raise CommandError(f"There is a trainer “{name}” already ({catalog.get(name).source}).")
    if find_spec(name):
        raise CommandError(f"“{name}” is the name of a Python module, which a file of that name would hide.")


def next_steps(name: str) -> str:
    add = f"Use it: Methods → Add a New, with the trainer {name}. This takes a license; {' and '.join(YOURS)} do not."
    use = f"The method {name} runs it." if name in YOURS else add
    run = f"python manage.py run_trainer {name} --base-model DIRECTORY --dataset FILE --output DIRECTORY"
    return f"It runs as it is.\nTest it: python manage.py check_trainer {name}\nRun it: {run}\n{use}"


def class_named(name: str) -> str:
    """custom01.py under another name: slug, label and class."""
    words = re.split("[-_]", name)
    renamed = {
        "Custom01": "My" + "".join(word.capitalize() for word in words),
        "Custom 01": " ".join(words).capitalize(),
        "custom01": name,
    }
    return replaced(template("custom01"), renamed)


def script_named(name: str) -> str:
    """custom02.py under another name. Its file's name is its slug."""
    return replaced(template("custom02"), {"custom02": name})


def template(slug: str) -> str:
    """The built-in file itself: what is tested there is what is written here."""
    return built_in_file(slug).read_text(encoding="utf-8")


def replaced(text: str, names: dict[str, str]) -> str:
    return re.sub("|".join(names), lambda found: names[found[0]], text)
