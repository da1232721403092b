"""What a worker's main process tells its pool."""

from ctypes import c_bool
from multiprocessing.sharedctypes import RawValue


class Flag:
    """Shared with the processes that are forked after it was made.

    It has no lock: a process that is killed as it looks, as pool processes may be, would keep that for ever, and
    everybody else would wait for it.
    """

    def __init__(self) -> None:
        self._value = RawValue(c_bool, False)

    def is_set(self) -> bool:
        return self._value.value

    def set(self) -> None:
        self._value.value = True

    def clear(self) -> None:
        self._value.value = False
