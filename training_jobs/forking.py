"""When a worker's pool may be forked: while no other thread of the worker's main process is in the database.

A connection of SQLite's that is open at a fork is half a connection in the child, which may wait for a lock that nobody
opens, or write into a journal that somebody else has deleted.
"""

import os
from threading import RLock

from django.db import connection


class ForkGuard:
    """Forks wait while a thread is in here, which has no connection to the database any more when it leaves."""

    def __init__(self) -> None:
        self.lock = RLock()
        os.register_at_fork(
            before=self.lock.acquire, after_in_parent=self.lock.release, after_in_child=self.lock.release
        )

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        try:
            connection.close()
        finally:
            self.lock.release()
