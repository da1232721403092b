"""Pages: CPU time of our lists of 25 rows beside the Django admin's list of the same rows."""

from django.contrib.auth import get_user_model
from django.test import Client

from benchmarks.records import a_job
from benchmarks.timing import interleaved, table
from training_methods.models import TrainingMethod


def measure() -> list[dict[str, object]]:
    TrainingMethod.objects.bulk_create(
        TrainingMethod(internal_name=f"method-{n}", display_name=f"Method {n}", method_type="SFT", trainer="sft")
        for n in range(60)
    )
    for n in range(60):
        a_job(f"train {n}")
    client = Client(headers={"host": "localhost"})
    client.force_login(get_user_model().objects.create_superuser("bench"))
    return table(
        interleaved(
            {
                "Django admin, methods": lambda: page(client, "/admin/training_methods/trainingmethod/"),
                "console, methods": lambda: page(client, "/methods/"),
                "console, jobs": lambda: page(client, "/jobs/"),
                "console, Start a New Train": lambda: page(client, "/jobs/new/"),
            },
            rounds=30,
        )
    )


def page(client: Client, path: str) -> bytes:
    answer = client.get(path)
    assert answer.status_code == 200, f"{path} answered {answer.status_code}"
    return answer.content
