"""The embedded message broker: valkey-server on a unix socket, for a machine that has no Redis."""

from pathlib import Path
from typing import Any


def connection(redis_url: str, data_dir: Path) -> tuple[str, dict[str, Any]]:
    """Celery's broker URL and transport options."""
    return redis_url or f"redis+socket://{data_dir / 'broker.sock'}", {}
