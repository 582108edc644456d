"""What a run has spent: products and wall time."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from symrank.answer.result import RankResult
from symrank.spectrum.outcome import Progress
from symrank.support import foreign

__all__ = ["Budget", "TimeUp", "located"]


FOREVER = 1e9  # seconds: a part of a budget without end


class TimeUp(Exception):  # noqa: N818 - not an error: it ends a segment
    """The wall time of a run is spent."""


class Budget:
    """Counts products, tells the observer, and stops a segment when the time is up."""

    def __init__(
        self,
        max_matvecs: int,
        max_seconds: float | None,
        progress: Callable[[Progress], None] | None,
        before: tuple[int, float] = (0, 0.0),  # products and seconds of the run that goes on
    ) -> None:
        self.num_matvecs, self._seconds_before = before
        self.max_matvecs = self.num_matvecs + max_matvecs
        self.interval: tuple[int, int] | None = None
        self._kept_matvecs, self._kept_seconds = 0, 0.0
        self._progress = progress
        self._started = time.perf_counter()
        self._deadline = math.inf if max_seconds is None else self._started + max_seconds
        self._read: Callable[[float], float] = lambda seconds: seconds

    @property
    def left(self) -> int:
        """Products that the budget still holds."""
        return max(0, self.max_matvecs - self.num_matvecs - self._kept_matvecs)

    @property
    def seconds(self) -> float:
        """Wall time so far, that of the run before included."""
        return self._seconds_before + time.perf_counter() - self._started

    @property
    def seconds_left(self) -> float:
        """Wall time that the budget still holds, as a choice reads it: see `remember`."""
        return self._read(self._left()) if math.isfinite(self._deadline) else math.inf

    @property
    def deadline(self) -> float:
        """The time of `time.perf_counter` at which the budget ends."""
        return self._deadline - self._kept_seconds

    @contextmanager
    def reserve(self, num_matvecs: int, seconds: float) -> Iterator[None]:
        """Keep a part of the budget back from what runs inside."""
        self._kept_matvecs, self._kept_seconds = num_matvecs, min(seconds, FOREVER)
        try:
            yield
        finally:
            self._kept_matvecs, self._kept_seconds = 0, 0.0

    def spend(self, num_matvecs: int, *, is_told: bool = True) -> None:
        """Count products; tell the observer, who hears nothing of the door."""
        self.num_matvecs += num_matvecs
        if is_told and self._progress is not None:
            with foreign.callers_code():
                self._progress(Progress(self.num_matvecs, self.max_matvecs, self.interval))

    def tick(self, num_matvecs: int) -> None:
        """Count products; raise once the time is up and an answer is known."""
        self.spend(num_matvecs)
        if self.interval is not None and self._left() < 0.0:
            raise TimeUp

    def remember(self, read: Callable[[float], float]) -> None:
        """Let what choices read from the clock pass through `read`, which knows it from before."""
        self._read = read

    def _left(self) -> float:
        return self._deadline - time.perf_counter() - self._kept_seconds


@contextmanager
def located(
    budget: Budget, known: Callable[[], RankResult | None] = lambda: None
) -> Iterator[None]:
    """Give what is raised inside the number of the product and what was known before."""
    try:
        yield
    except TimeUp:
        raise
    except BaseException as error:
        foreign.tell(error, budget.num_matvecs + 1, known())
        raise
