"""Roles that change reach open streams (GW-3, GW-4)."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from gateway.access import Access, PermissionMissing
from gateway.live.people import People, Person
from gateway.live.stream import Stream

OPEN: Final = "sessions.open"
READ: Final = "messages.read"
_TOGETHER_SECONDS: Final = 0.05
_AT_ONCE: Final = 200
_EVERYBODY: Final = ""


class Standing:
    """Looks again at those with streams here whenever what permissions follow from has changed."""

    def __init__(
        self, people: People, access: Access, *, streams: Callable[[], Iterable[Stream]]
    ) -> None:
        """Take whom to look at.

        Args:
            people: those with streams here.
            access: decides.
            streams: gives all open streams.
        """
        self._people = people
        self._access = access
        self._streams = streams
        self._changed: set[tuple[str, str]] = set()
        self._awake = asyncio.Event()
        access.projection.on_change(self._note)

    def _note(self, tenant_id: str, person_id: str) -> None:
        self._changed.add((tenant_id, person_id))
        self._awake.set()

    async def run(self) -> None:
        """Look for ever; what changes together is looked at once."""
        while True:
            await self._awake.wait()
            await asyncio.sleep(_TOGETHER_SECONDS)
            self._awake.clear()
            changed, self._changed = self._changed, set()
            for number, person in enumerate(self._concerned(changed)):
                self._look(person)
                if number % _AT_ONCE == _AT_ONCE - 1:
                    await asyncio.sleep(0)

    def _concerned(self, changed: set[tuple[str, str]]) -> list[Person]:
        everybody = {tenant_id for tenant_id, person_id in changed if person_id == _EVERYBODY}
        return [
            person
            for person in self._people
            if person.tenant_id in everybody or (person.tenant_id, person.person_id) in changed
        ]

    def _look(self, person: Person) -> None:
        if not self._access.person_may(person.tenant_id, person.person_id, OPEN):
            for stream in self._streams():
                if stream.person is person:
                    stream.outbound.end(PermissionMissing(permission=OPEN), at_once=True)
            return
        self._people.review(person)
