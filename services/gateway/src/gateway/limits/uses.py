"""Concurrent calls or streams of a caller."""


class Uses:
    """Counts by key, up to a maximum each; keys at zero are dropped."""

    __slots__ = ("_count", "_maximum")

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._count: dict[str, int] = {}

    def enter(self, key: str) -> bool:
        """Count one more; False, and nothing is counted, when there are as many as there may be."""
        count = self._count.get(key, 0)
        if count >= self._maximum:
            return False
        self._count[key] = count + 1
        return True

    def leave(self, key: str) -> None:
        """Count one less of those that `enter` counted."""
        count = self._count[key] - 1
        if count:
            self._count[key] = count
        else:
            del self._count[key]

    def __len__(self) -> int:
        return len(self._count)
