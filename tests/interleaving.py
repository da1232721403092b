"""What another process does in the middle of something that this one does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def after_first_update(do: Callable[[], object]) -> Iterator[None]:
    """It is done once, as soon as the database has carried out an UPDATE."""
    to_do = [do]

    def execute(carry_out: Callable[..., Any], sql: str, *rest: Any) -> Any:
        result = carry_out(sql, *rest)
        if to_do and sql.startswith("UPDATE"):
            to_do.pop()()
        return result

    with connection.execute_wrapper(execute):
        yield
    assert not to_do
