"""People: lookup by handle or id."""

from collections.abc import Iterable
from typing import Final

from plexus.directory.v1.directory_service_pb2 import BatchGetPeopleRequest, GetPersonRequest
from plexus.directory.v1.people_pb2 import Person

from plexus_sdk.connection import Plexus
from plexus_sdk.errors import NameNotFound

ID_PREFIX: Final = "per_"
_AT_ONCE: Final = 500


class People:
    """People of the directory that the caller may see."""

    def __init__(self, plexus: Plexus) -> None:
        self._plexus = plexus

    async def me(self) -> Person:
        """Return the caller."""
        request = GetPersonRequest(me=True)
        return (await self._plexus.call(self._plexus.directory.GetPerson, request)).person

    async def get(self, name: str) -> Person:
        """Return a person by handle, with or without `@`, or by id.

        Raises:
            NameNotFound: no person has this name.
        """
        return (await self.find([name]))[name]

    async def find(self, names: Iterable[str]) -> dict[str, Person]:
        """Return people by handle, with or without `@`, or by id: {name as given: person}.

        Raises:
            NameNotFound: lists all unknown names.
        """
        wanted = {name: name.removeprefix("@") for name in names}
        found: dict[str, Person] = {}
        bare = list(wanted.values())
        for start in range(0, len(bare), _AT_ONCE):
            part = bare[start : start + _AT_ONCE]
            request = BatchGetPeopleRequest(
                handles=[name for name in part if not name.startswith(ID_PREFIX)],
                person_ids=[name for name in part if name.startswith(ID_PREFIX)],
            )
            response = await self._plexus.call(self._plexus.directory.BatchGetPeople, request)
            for person in response.people:
                found[person.handle] = person
                found[person.id] = person
        # Handles are lower case; ids are not.
        people = {name: found.get(each) or found.get(each.lower()) for name, each in wanted.items()}
        unknown = [name for name, person in people.items() if person is None]
        if unknown:
            shown = ", ".join(unknown)
            raise NameNotFound(
                f"Nobody is called {shown}.",
                reason="PERSON_NOT_FOUND",
                metadata={"names": shown},
            )
        return {name: person for name, person in people.items() if person is not None}

    async def handles(self, ids: Iterable[str]) -> dict[str, str]:
        """Return handles by id; an invisible id maps to itself."""
        wanted = sorted({*ids} - {""})
        names = {person_id: person_id for person_id in ids}
        for start in range(0, len(wanted), _AT_ONCE):
            request = BatchGetPeopleRequest(person_ids=wanted[start : start + _AT_ONCE])
            response = await self._plexus.call(self._plexus.directory.BatchGetPeople, request)
            names |= {person.id: person.handle for person in response.people}
        return names
