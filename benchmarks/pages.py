"""Pages: CPU time of lists of 25 rows beside the Django admin's list of the same records, and what a first view weighs.

Among 100 000 jobs that have ended, 1 000 that wait and 20 that run.
"""

import gzip
import re
from pathlib import Path

from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.test import Client

from benchmarks import queue
from benchmarks.timing import interleaved
from training_jobs.models import CustomizedModel, Dataset, FoundationModel, TrainingJob
from training_methods.models import TrainingMethod

ADMIN = {
    "methods": "/admin/training_methods/trainingmethod/",
    "trains": "/admin/training_jobs/trainingjob/",
    "datasets": "/admin/training_jobs/dataset/",
    "base models": "/admin/training_jobs/foundationmodel/",
    "customized models": "/admin/training_jobs/customizedmodel/",
}
PAGES = {
    "methods": "/methods/",
    "trains": "/jobs/",
    "trains, page 4 000": "/jobs/?page=4000",
    "trains by status, page 300": "/jobs/?status=succeeded&sort=name&page=300",
    "trains, a search": "/jobs/?q=train",
    "trains, a search without a find": "/jobs/?q=nonesuch",
    "waiting trains": "/jobs/queue/",
    "datasets": "/datasets/",
    "base models": "/base-models/",
    "customized models": "/models/",
    "Start a New Train": "/jobs/new/",
}


def measure() -> list[dict[str, object]]:
    if not TrainingJob.objects.exists():
        queue.fill()
    fill()
    client = signed_in()
    ways = {f"Django admin, {name}": lambda path=path: page(client, path) for name, path in ADMIN.items()}
    ways |= {name: lambda path=path: page(client, path) for name, path in PAGES.items()}
    lists = [path for path in PAGES.values() if "?" not in path]
    return beside_admin(interleaved(ways, rounds=20)) + [weight(client, path) for path in lists]


def beside_admin(seconds: dict[str, float]) -> list[dict[str, object]]:
    """Milliseconds of each page, beside the admin's list of the same records where there is one, or of methods."""
    rows = []
    for name in PAGES:
        admins = seconds[f"Django admin, {name if name in ADMIN else 'methods'}"]
        times = {"ms": round(1000 * seconds[name], 2), "admin ms": round(1000 * admins, 2)}
        rows.append({"way": name, **times, "ratio": round(seconds[name] / admins, 2)})
    return rows


def fill() -> None:
    TrainingMethod.objects.bulk_create(
        TrainingMethod(internal_name=f"method-{n}", display_name=f"Method {n}", method_type="SFT", trainer="sft")
        for n in range(60)
    )
    facts = {"path": "/nowhere", "size_bytes": 1}
    Dataset.objects.bulk_create(Dataset(name=f"data {n}", data_format="text", row_count=n, **facts) for n in range(60))
    FoundationModel.objects.bulk_create(FoundationModel(name=f"base {n}", **facts) for n in range(60))
    jobs = TrainingJob.objects.ended()[:60]
    CustomizedModel.objects.bulk_create(CustomizedModel(name=f"model {job.pk}", job=job, **facts) for job in jobs)


def signed_in() -> Client:
    client = Client(headers={"host": "localhost"})
    people = get_user_model().objects
    client.force_login(people.filter(username="bench").first() or people.create_superuser("bench"))
    return client


def page(client: Client, path: str) -> bytes:
    answer = client.get(path)
    assert answer.status_code == 200, f"{path} answered {answer.status_code}"
    return answer.content


def weight(client: Client, path: str) -> dict[str, object]:
    """Kilobytes that a browser takes for the first view, compressed as the console sends them."""
    html = page(client, path)
    sizes = {"page": len(gzip.compress(html))}
    for url in sorted(set(re.findall(r'(?:src|href)="/static/([^"#]+)', html.decode()))):
        sizes[Path(url).name] = len(gzip.compress(source_of(url).read_bytes()))
    heaviest = max(sizes, key=lambda name: sizes[name])
    return {"way": f"weight of {path}", "KB gzip": round(sum(sizes.values()) / 1000, 1), "heaviest": heaviest}


def source_of(url: str) -> Path:
    """The file behind an address, whose name bears its hash."""
    plain = re.sub(r"\.[0-9a-f]{12}(?=\.\w+$)", "", url)
    found = finders.find(plain)
    assert found, f"There is no static file {plain}."
    return Path(found)
