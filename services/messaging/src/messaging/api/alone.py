"""Calls that read very much: one of them at a time for each person, and a few in a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from messaging.domain.refusals import VerificationUnderWay

MAX_AT_ONCE: Final = 4
_RETRY: Final = timedelta(seconds=1)


class Alone:
    """Knows who is being answered at this moment."""

    def __init__(self) -> None:
        self._people: set[str] = set()

    @contextmanager
    def of(self, person_id: str) -> Iterator[None]:
        """Hold the place of a person for the time of a call.

        Raises:
            VerificationUnderWay: the person has one, or the process as many as it takes.
        """
        if person_id in self._people or len(self._people) >= MAX_AT_ONCE:
            raise VerificationUnderWay(retry_after=_RETRY)
        self._people.add(person_id)
        try:
            yield
        finally:
            self._people.remove(person_id)
