"""When to try again an endpoint that did not take a notification."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits `first` seconds after the first failure, then twice as long each time, at most `longest`.

    After `errors` failures in a row a subscription is in error, after `most` it is off.
    """

    first: float = 1.0
    longest: float = 600.0
    errors: int = 3
    most: int = 20

    def wait(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row, in seconds."""
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 40))

    def is_error(self, failures: int) -> bool:
        """Return whether so many failures in a row are an error."""
        return failures >= min(self.errors, self.most)

    def is_over(self, failures: int) -> bool:
        """Return whether so many failures in a row are enough."""
        return failures >= self.most
