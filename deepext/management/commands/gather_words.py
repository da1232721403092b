from typing import Any

from django.core.management.base import BaseCommand

from deepext import trainer_sentences, trainer_words


class Command(BaseCommand):
    help = "Lists what the built-in trainers and methods say, for makemessages to find. See `make words`."

    def handle(self, *args: Any, **options: Any) -> None:
        for words in (trainer_words, trainer_sentences):
            words.LIST.write_text(words.as_python(), encoding="utf-8")
