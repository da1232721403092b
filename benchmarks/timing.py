import statistics
import time
from collections.abc import Callable


def interleaved(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each way. The ways take turns, so that a busy neighbour slows them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            way()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def table(medians: dict[str, float]) -> list[dict[str, object]]:
    """Rows with the time in milliseconds and the ratio to the first way."""
    first = next(iter(medians.values()))
    return [
        {"way": name, "ms": round(1000 * seconds, 2), "ratio": round(seconds / first, 2)}
        for name, seconds in medians.items()
    ]
