"""What another process does in the middle of something that this one does."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.db import connection

Deed = Callable[[], object]


def before_first_update(do: Deed) -> AbstractContextManager[None]:
    """It is done once, just before the database carries out an UPDATE."""
    return around_first_update(do, lambda: None)


def after_first_update(do: Deed) -> AbstractContextManager[None]:
    """It is done once, as soon as the database has carried out an UPDATE."""
    return around_first_update(lambda: None, do)


@contextmanager
def around_first_update(before: Deed, after: Deed) -> Iterator[None]:
    to_do = [(before, after)]

    def execute(carry_out: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not (to_do and sql.startswith("UPDATE")):
            return carry_out(sql, *rest)
        before, after = to_do.pop()
        before()
        result = carry_out(sql, *rest)
        after()
        return result

    with connection.execute_wrapper(execute):
        yield
    assert not to_do
