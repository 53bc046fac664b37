"""People: lookup by handle, id or name."""

from collections.abc import Iterable
from typing import Final

from plexus.directory.v1.directory_service_pb2 import (
    BatchGetPeopleRequest,
    GetPersonRequest,
    ListPeopleRequest,
)
from plexus.directory.v1.people_pb2 import Person

from plexus_sdk.connection import Plexus
from plexus_sdk.errors import NameNotFound
from plexus_sdk.names import Named, ambiguous, closest, fold, the_one

ID_PREFIX: Final = "per_"
_AT_ONCE: Final = 500
_PAGE: Final = 1000
# As many people as one page of the directory; more of one name are distinguished by their handles.
_ALIKE: Final = 200
MAX_SPELLED: Final = 10_000
"""In a larger company, pinyin finds members of a conversation only."""


class People:
    """People of the directory that the caller may see."""

    def __init__(self, plexus: Plexus) -> None:
        self._plexus = plexus

    async def me(self) -> Person:
        """Return the caller."""
        request = GetPersonRequest(me=True)
        return (await self._plexus.call(self._plexus.directory.GetPerson, request)).person

    async def get(self, name: str) -> Person:
        """Return a person by handle, with or without `@`, by id or by display name.

        Raises:
            NameNotFound: no person has this name.
            NameAmbiguous: several people have it.
        """
        return (await self.find([name]))[name]

    async def find(self, names: Iterable[str]) -> dict[str, Person]:
        """Return people by handle, with or without `@`, id or display name: {as given: person}.

        Raises:
            NameNotFound: lists all unknown names.
            NameAmbiguous: several people have a display name.
        """
        wanted = {name: name.removeprefix("@") for name in names}
        found = await self._by_key(list(wanted.values()))
        # Handles are lower case; ids are not.
        people = {name: found.get(each) or found.get(fold(each)) for name, each in wanted.items()}
        for name, person in people.items():
            if person is None and not wanted[name].startswith(ID_PREFIX):
                people[name] = await self._named(wanted[name])
        unknown = [name for name, person in people.items() if person is None]
        if unknown:
            raise _not_found(unknown)
        return {name: person for name, person in people.items() if person is not None}

    async def resolve(self, name: str) -> Person:
        """Return the person whom a typed name means: see `find`, else by pinyin or a beginning.

        Raises:
            NameNotFound: it fits no person.
            NameAmbiguous: it fits several; `candidates` are their ids.
        """
        try:
            return await self.get(name)
        except NameNotFound:
            listed = [*await self.search(name.removeprefix("@")), *await self._everyone()]
        people = {each.id: each for each in listed}
        chosen = the_one(name, closest(name, map(named, people.values())))
        if chosen is None:
            raise _not_found([name])
        return people[chosen.id]

    async def search(self, part: str) -> list[Person]:
        """Return active people with this part in their handle or name, at most 200."""
        request = ListPeopleRequest(query=part[:100], page_size=_ALIKE)
        return list((await self._plexus.call(self._plexus.directory.ListPeople, request)).people)

    async def by_id(self, ids: Iterable[str]) -> list[Person]:
        """Return people by id; those that are not visible are left out."""
        wanted, found = list(dict.fromkeys(ids)), list[Person]()
        for start in range(0, len(wanted), _AT_ONCE):
            request = BatchGetPeopleRequest(person_ids=wanted[start : start + _AT_ONCE])
            response = await self._plexus.call(self._plexus.directory.BatchGetPeople, request)
            found += response.people
        return found

    async def handles(self, ids: Iterable[str]) -> dict[str, str]:
        """Return handles by id; an id that is not visible stays as it is."""
        given = {*ids}
        names = {person_id: person_id for person_id in given}
        found = await self.by_id(sorted(given - {""}))
        return names | {person.id: person.handle for person in found}

    async def _by_key(self, keys: list[str]) -> dict[str, Person]:
        found: dict[str, Person] = {}
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            request = BatchGetPeopleRequest(
                handles=[name for name in part if not name.startswith(ID_PREFIX)],
                person_ids=[name for name in part if name.startswith(ID_PREFIX)],
            )
            response = await self._plexus.call(self._plexus.directory.BatchGetPeople, request)
            for person in response.people:
                found[person.id] = person
                found |= dict.fromkeys(
                    [person.handle, *(each.handle for each in person.former_handles)], person
                )
        return found

    async def _named(self, name: str) -> Person | None:
        """Return the person of a display name; those who have left come after the others."""
        request = ListPeopleRequest(query=name[:100], page_size=_ALIKE, include_deactivated=True)
        listed = (await self._plexus.call(self._plexus.directory.ListPeople, request)).people
        alike = [each for each in listed if fold(each.display_name) == fold(name)]
        active = [each for each in alike if each.state != Person.STATE_DEACTIVATED]
        meant = active or alike
        if len(meant) > 1:
            raise ambiguous(name, [named(each) for each in meant])
        return meant[0] if meant else None

    async def _everyone(self) -> list[Person]:
        """Return every person; none where the company is too large to be read for one name."""
        found, token = list[Person](), ""
        while True:
            request = ListPeopleRequest(page_size=_PAGE, page_token=token)
            response = await self._plexus.call(self._plexus.directory.ListPeople, request)
            found += response.people
            token = response.next_page_token
            if not token:
                return found
            if len(found) >= MAX_SPELLED:
                return []


def named(person: Person) -> Named:
    """Return a person as something that a name can stand for."""
    return Named(person.id, person.display_name, person.handle)


def _not_found(names: list[str]) -> NameNotFound:
    shown = ", ".join(names)
    return NameNotFound(
        f"Nobody is called {shown}.", reason="PERSON_NOT_FOUND", metadata={"names": shown}
    )
