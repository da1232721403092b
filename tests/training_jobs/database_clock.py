"""A database whose clock is set while a test looks on."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.backends.signals import connection_created

from training_jobs.sweeper import Sweeper

ON_POSTGRESQL = """
    CREATE SCHEMA IF NOT EXISTS set_clock;
    CREATE OR REPLACE FUNCTION set_clock.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
        AS $$ SELECT pg_catalog.statement_timestamp() + interval '{seconds} seconds' $$;
    SET search_path = set_clock, pg_catalog, public"""


def trusting_sweeper(lease: timedelta) -> Sweeper:
    """One that has been there for a lease, so that it trusts the clock."""
    sweeper = Sweeper(lease=lease)
    sweeper.reap()
    time.sleep(lease.total_seconds())
    return sweeper


@contextmanager
def set_by(hours: float) -> Iterator[None]:
    """It goes that much ahead of the machine's, in every connection of this process."""
    set_clock = setter(hours)
    connection_created.connect(set_clock)
    connection.close()
    try:
        yield
    finally:
        connection_created.disconnect(set_clock)
        connection.close()


def setter(hours: float) -> Callable[..., None]:
    """Sets that of the connection that it is given."""
    on_its_kind = on_sqlite if connection.vendor == "sqlite" else on_postgresql
    return on_its_kind(timedelta(hours=hours))


def on_sqlite(ahead: timedelta) -> Callable[..., None]:
    def strftime(form: str, _: str) -> str:
        return (datetime.now(UTC) + ahead).strftime(form.replace("%f", "%S.%f"))

    def julianday(_: str) -> float:
        return 2440587.5 + (datetime.now(UTC) + ahead).timestamp() / 86400

    def set_clock(connection: Any, **_: Any) -> None:
        connection.connection.create_function("strftime", 2, strftime)
        connection.connection.create_function("julianday", 1, julianday)

    return set_clock


def on_postgresql(ahead: timedelta) -> Callable[..., None]:
    def set_clock(connection: Any, **_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(ON_POSTGRESQL.format(seconds=ahead.total_seconds()))

    return set_clock
