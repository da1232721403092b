import os
import sys
from pathlib import Path

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deepext.settings")

path = sys.path.copy()
app = Celery("deepext")
# Celery puts the current folder first, where a file that is named like a library would hide it: only ours is needed.
sys.path[:] = [*path, str(Path(__file__).parent.parent)]
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="model_tasks")
