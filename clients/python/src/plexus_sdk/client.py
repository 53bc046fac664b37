"""Client with typed helpers and live sessions on one connection."""

import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from plexus.search.v1.search_service_pb2 import Hit, SearchRequest

from plexus_sdk.connection import Plexus, open_plexus
from plexus_sdk.conversations import Conversations
from plexus_sdk.errors import Refused
from plexus_sdk.mentions import Mentions
from plexus_sdk.messages import Messages
from plexus_sdk.people import People
from plexus_sdk.positions import PositionStore
from plexus_sdk.profiles import Profile, Profiles, api_token_profile
from plexus_sdk.retries import THOROUGH, RetryPolicy
from plexus_sdk.session import Session, Start
from plexus_sdk.stream import note_trouble
from plexus_sdk.tasks import Tasks

URL: Final = "PLEXUS_URL"
TOKEN: Final = "PLEXUS_TOKEN"  # noqa: S105 - name of a variable
PROFILE: Final = "PLEXUS_PROFILE"


class Client:
    """A signed-in person or bot.

    Attributes:
        plexus: every RPC of every service, for calls without a helper.
        messages: send, reply, edit, recall, react, read.
        conversations: lookup by name, creation, members.
        people: lookup by handle, id or name.
        mentions: `@names` to ids.
        tasks: create, assign, move, list.
    """

    def __init__(self, plexus: Plexus) -> None:
        """Create a client on a connection, which should have a thorough retry policy."""
        self.plexus = plexus
        self.people = People(plexus)
        self.mentions = Mentions(plexus, people=self.people)
        self.conversations = Conversations(plexus, people=self.people)
        self.messages = Messages(plexus, conversations=self.conversations, people=self.people)
        self.tasks = Tasks(plexus, people=self.people)

    async def search(self, query: str, *, types: Iterable[str] = (), limit: int = 20) -> list[Hit]:
        """Search everything that the caller may read, best hits first.

        Args:
            query: at most 1,000 characters.
            types: `message`, `task`, `person`; empty for all.
            limit: maximum number of hits.

        Raises:
            Refused: `QUERY_INVALID`, `TOO_MANY_SEARCHES` and others of search.
        """
        hits: list[Hit] = []
        token, wanted = "", list(types)
        while len(hits) < limit:
            request = SearchRequest(
                query=query,
                types=wanted,
                page_size=min(limit - len(hits), 100),
                page_token=token,
            )
            response = await self.plexus.call(self.plexus.search.Search, request)
            hits += response.hits
            token = response.next_page_token
            if not token:
                break
        return hits

    def session(
        self,
        *,
        conversations: Iterable[str] | None = None,
        positions: PositionStore | None = None,
        start: Start = "now",
        notifications: bool = False,
        signals: bool = False,
        online: bool = False,
        device: str = "plexus-sdk",
        on_trouble: Callable[[Refused], None] = note_trouble,
    ) -> Session:
        """Return a live session to enter with `async with`; see `Session` for the parameters."""
        return Session(
            self.plexus,
            conversations=conversations,
            positions=positions,
            start=start,
            notifications=notifications,
            signals=signals,
            online=online,
            device=device,
            on_trouble=on_trouble,
        )


@asynccontextmanager
async def connect(
    url: str = "",
    *,
    token: str = "",
    profile: str = "",
    profiles: Profiles | None = None,
    authority: Path | None = None,
    retries: RetryPolicy = THOROUGH,
) -> AsyncIterator[Client]:
    """Connect with an API token or as a signed-in person; nothing is sent before the first call.

    Args:
        url: native address of the gateway, `host:port`, or `grpcs://host:port` with TLS; default:
            `PLEXUS_URL`, then the profile's.
        token: API token; default: `PLEXUS_TOKEN`, unless a profile is named.
        profile: name of a profile of `plexus login`; default: `PLEXUS_PROFILE`, then the default
            one.
        profiles: file of the profiles; default: the file of the `plexus` command.
        authority: PEM file with the only authorities to trust; default: `PLEXUS_CA_FILE`.
        retries: policy for repeating calls.

    Raises:
        SignedOut: there is neither a token nor a profile.
        Refused: a token without an address.
    """
    stored = profiles or Profiles()
    chosen = _chosen(
        url=url or os.environ.get(URL, ""),
        token=token or ("" if profile else os.environ.get(TOKEN, "")),
        profile=profile or os.environ.get(PROFILE, ""),
        profiles=stored,
    )
    async with open_plexus(chosen, stored, authority=authority, retries=retries) as plexus:
        yield Client(plexus)


def _chosen(*, url: str, token: str, profile: str, profiles: Profiles) -> Profile:
    if token:
        if not url:
            raise Refused(f"An API token needs the address of Plexus: set {URL}.")
        return api_token_profile(url=url, token=token)
    found = profiles.find(profile or None)
    return replace(found, url=url) if url else found
