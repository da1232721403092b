"""What a reader of docs/architecture.md and docs/operations.md may rely on."""

import re
import subprocess
import sys
from pathlib import Path

from django.conf import settings

EVERY_PAGE_AND_TASK = """
import sys
import django
from django.urls import get_resolver
django.setup()
get_resolver().url_patterns
import deepext.wsgi, training_jobs.tasks
print(sorted({"torch", "transformers", "trl", "peft", "datasets"} & set(sys.modules)))
"""

TRAINERS = """
import sys
import training_methods.trainers
print(sorted({"torch", "transformers", "django", "celery"} & set(sys.modules)))
"""


def loaded_by(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_it_keeps_the_training_stack_out_of_the_web_process(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "deepext.settings")

    assert loaded_by(EVERY_PAGE_AND_TASK) == "[]"


def test_it_describes_trainers_without_loading_what_they_train_with():
    assert loaded_by(TRAINERS) == "[]"


def test_every_variable_that_a_site_may_set_is_described():
    read = re.findall(r'env(?:\.\w+)?\("(\w+)"', Path(settings.BASE_DIR, "deepext/settings.py").read_text())
    described = Path(settings.BASE_DIR, "docs/operations.md").read_text()

    assert read
    assert [name for name in read if f"`{name}`" not in described] == []
