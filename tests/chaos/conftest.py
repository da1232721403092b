import pytest
from django.conf import settings

from training_jobs import broker


@pytest.fixture(autouse=True)
def empty_broker() -> None:
    with broker.running(settings.DATA_DIR), broker.client(broker.socket_path(settings.DATA_DIR)) as client:
        client.flushall()
