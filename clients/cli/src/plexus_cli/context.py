"""What every command needs: who asks, where, and how to run a coroutine to its end."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from plexus.directory.v1.people_pb2 import Person
from plexus_sdk import (
    AS_ASKED,
    NameNotFound,
    People,
    Plexus,
    Profile,
    Profiles,
    Refused,
    RetryPolicy,
    api_token_profile,
    open_plexus,
)

T = TypeVar("T")

# An API token for scripts, used instead of a signed-in profile together with --url.
API_TOKENS = ("PLEXUS_TOKEN", "PLEXUS_API_TOKEN")


@dataclass(slots=True)
class Asked:
    """The options given before the command."""

    url: str | None = None
    profile: str | None = None


asked = Asked()


def run(work: Callable[[Plexus], Awaitable[T]], *, retries: RetryPolicy = AS_ASKED) -> T:
    """Run a command's work as the chosen person.

    Args:
        work: the command.
        retries: the calls that are repeated; a command reports at once that Plexus is down.
    """

    async def connected() -> T:
        profiles = Profiles()
        profile = _of_api_token(asked.url) or profiles.find(asked.profile)
        if asked.url:
            profile = replace(profile, url=asked.url)
        async with open_plexus(profile, profiles, retries=retries) as plexus:
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
        Refused: names those that no person has.
    """
    try:
        return await People(plexus).find(names)
    except NameNotFound as refused:
        text = str(refused).removesuffix(".")
        raise Refused(f"{text}: look at `plexus people`.") from refused


async def name_people(plexus: Plexus, ids: set[str]) -> dict[str, str]:
    """Return the handles of people by id; an unknown id stays as it is."""
    return await People(plexus).handles(ids)


async def me(plexus: Plexus) -> Person:
    """Return the signed-in person."""
    return await People(plexus).me()
