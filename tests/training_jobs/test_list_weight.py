"""What a browser has to fetch before it can show a list for the first time."""

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from tests.training_jobs import records
from training_jobs.models import Status

pytestmark = pytest.mark.django_db
KILOBYTES = 100


@pytest.mark.parametrize("url", ["/methods/", "/jobs/", "/jobs/queue/", "/datasets/", "/base-models/", "/models/"])
def test_it_weighs_little(client, admin, url):
    client.force_login(admin)
    for number in range(30):
        records.job(Status.QUEUED, name=f"acorn-{number}", created_by=admin)

    html = client.get(url).content

    assets = set(re.findall(r'(?:src|href)="/static/([^"#]+)', html.decode()))
    weights = {name: packed(Path(finders.find(name)).read_bytes()) for name in assets} | {"page": packed(html)}
    assert len(assets) > 5
    assert sum(weights.values()) < KILOBYTES * 1000, weights


def packed(content: bytes) -> int:
    return len(gzip.compress(content))
