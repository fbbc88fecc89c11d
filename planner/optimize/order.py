"""Who waits for the end of whom, while moves end one after the other."""

from __future__ import annotations

from collections.abc import Sequence


class Order:
    """Counts for each move those that it still waits for.

    Parameters
    ----------
    followers
        For each move, those that wait for its end.
    """

    def __init__(self, followers: Sequence[Sequence[int]]) -> None:
        self._followers = followers
        self._waits = [0] * len(followers)
        for those in followers:
            for follower in those:
                self._waits[follower] += 1

    def free(self) -> list[int]:
        """Return the moves that wait for none, ascending."""
        return [i for i, waits in enumerate(self._waits) if waits == 0]

    def end(self, i: int) -> list[int]:
        """Take note that a move has ended, and return those that have waited for it and wait for none now."""
        freed = []
        for follower in self._followers[i]:
            self._waits[follower] -= 1
            if self._waits[follower] == 0:
                freed.append(follower)
        return freed
