"""What every command needs: who asks, where, and how to run a coroutine to its end."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from plexus.directory.v1.directory_service_pb2 import BatchGetPeopleRequest, GetPersonRequest
from plexus.directory.v1.people_pb2 import Person
from plexus_sdk import Plexus, Profile, Profiles, Refused, api_token_profile, open_plexus

T = TypeVar("T")

# An API token for scripts, used instead of a signed-in profile together with --url.
API_TOKENS = ("PLEXUS_TOKEN", "PLEXUS_API_TOKEN")

PEOPLE_AT_ONCE = 500


@dataclass(slots=True)
class Asked:
    """The options given before the command."""

    url: str | None = None
    profile: str | None = None


asked = Asked()


def run(work: Callable[[Plexus], Awaitable[T]]) -> T:
    """Run a command's work as the chosen person."""

    async def connected() -> T:
        profiles = Profiles()
        profile = _of_api_token(asked.url) or profiles.find(asked.profile)
        if asked.url:
            profile = replace(profile, url=asked.url)
        async with open_plexus(profile, profiles) as plexus:
            return await work(plexus)

    return asyncio.run(connected())


def _of_api_token(url: str | None) -> Profile | None:
    """Return a profile for the API token of the environment; None without one.

    Raises:
        Refused: there is a token without an address.
    """
    name = next((name for name in API_TOKENS if os.environ.get(name)), "")
    if not name:
        return None
    if not url:
        raise Refused(f"{name} needs an address: plexus --url HOST:PORT …")
    return api_token_profile(url=url, token=os.environ[name])


async def find_people(plexus: Plexus, names: list[str]) -> dict[str, Person]:
    """Find people by handle (`@` allowed) or id, as {name as given: person}.

    Raises:
        Refused: naming those whom nobody knows.
    """
    wanted = {name: name.removeprefix("@") for name in names}
    found: dict[str, Person] = {}
    for start in range(0, len(names), PEOPLE_AT_ONCE):
        part = list(wanted.values())[start : start + PEOPLE_AT_ONCE]
        request = BatchGetPeopleRequest(
            handles=[name for name in part if not name.startswith("per_")],
            person_ids=[name for name in part if name.startswith("per_")],
        )
        response = await plexus.call(plexus.directory.BatchGetPeople, request)
        for person in response.people:
            found[person.handle] = person
            found[person.id] = person
    unknown = [
        name for name, bare in wanted.items() if bare.lower() not in found and bare not in found
    ]
    if unknown:
        raise Refused(f"Nobody is called {', '.join(unknown)}: look at `plexus people`.")
    return {name: found.get(bare) or found[bare.lower()] for name, bare in wanted.items()}


async def name_people(plexus: Plexus, ids: set[str]) -> dict[str, str]:
    """Give the handles of people by id; an unknown id stays as it is."""
    names = {person_id: person_id for person_id in ids}
    wanted = sorted(ids - {""})
    for start in range(0, len(wanted), PEOPLE_AT_ONCE):
        request = BatchGetPeopleRequest(person_ids=wanted[start : start + PEOPLE_AT_ONCE])
        response = await plexus.call(plexus.directory.BatchGetPeople, request)
        names |= {person.id: person.handle for person in response.people}
    return names


async def me(plexus: Plexus) -> Person:
    """Give the signed-in person."""
    response = await plexus.call(plexus.directory.GetPerson, GetPersonRequest(me=True))
    return response.person
