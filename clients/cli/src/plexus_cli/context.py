"""Connection of a command: profile, address, and the event loop that runs it."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
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

from plexus_cli.asked import asked
from plexus_cli.language import tr
from plexus_cli.moments import note_zone

T = TypeVar("T")

# An API token for scripts, used instead of a signed-in profile together with --url.
API_TOKENS = ("PLEXUS_TOKEN", "PLEXUS_API_TOKEN")


def run(
    work: Callable[[Plexus], Awaitable[T]],
    *,
    in_zone: bool = False,
    retries: RetryPolicy = AS_ASKED,
) -> T:
    """Run a command as the selected profile.

    Args:
        work: the command's coroutine function.
        in_zone: whether it reads or shows times, which are in the person's own zone.
        retries: policy for repeating calls; by default a command reports an outage at once.
    """

    async def connected() -> T:
        profiles = Profiles()
        profile = _of_api_token(asked.url) or profiles.find(asked.profile)
        if asked.url:
            profile = replace(profile, url=asked.url)
        async with open_plexus(profile, profiles, retries=retries) as plexus:
            if in_zone:
                await _note_zone(plexus)
            return await work(plexus)

    # From here on, an interrupt cancels the tasks in order.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return asyncio.run(connected())


async def _note_zone(plexus: Plexus) -> None:
    """Fetch the caller's zone; if that fails, only a command that reads a time is refused."""
    try:
        note_zone((await me(plexus)).time_zone)
    except Refused as refused:
        asked.zone_refusal = refused


def _of_api_token(url: str | None) -> Profile | None:
    """Return a profile for the API token of the environment; None without one.

    Raises:
        Refused: there is a token without an address.
    """
    name = next((name for name in API_TOKENS if os.environ.get(name)), "")
    if not name:
        return None
    if not url:
        raise Refused(tr("{name} needs an address: plexus --url HOST:PORT …", name=name))
    return api_token_profile(url=url, token=os.environ[name])


async def find_people(plexus: Plexus, names: list[str]) -> dict[str, Person]:
    """Find people by handle (`@` allowed), id or display name, as {name as given: person}.

    Raises:
        Refused: lists the unknown names, or the people who share a display name.
    """
    try:
        return await People(plexus).find(names)
    except NameNotFound as refused:
        raise unknown_people(refused) from refused


def unknown_people(refused: NameNotFound) -> Refused:
    """Return the refusal of names that no person has."""
    names = refused.metadata["names"]
    return Refused(
        tr("Nobody is called {names}: look at `plexus people list`.", names=names),
        reason=refused.reason,
    )


async def name_people(plexus: Plexus, ids: set[str]) -> dict[str, str]:
    """Return the handles of people by id; an unknown id maps to itself."""
    return await People(plexus).handles(ids)


async def me(plexus: Plexus) -> Person:
    """Return the signed-in person."""
    return await People(plexus).me()
