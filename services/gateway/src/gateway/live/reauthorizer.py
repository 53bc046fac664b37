"""Roles that change reach open streams (GW-3, GW-4)."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from plexuskit.errors import Refusal

from gateway.access import Access
from gateway.live.stream import Stream
from gateway.live.subscribers import SubscriberRegistry
from gateway.live.subscriptions import Subscriber
from gateway.live.visibility import Visibility

OPEN: Final = "sessions.open"
_TOGETHER_SECONDS: Final = 0.05
_AT_ONCE: Final = 200
_EVERYBODY: Final = ""


class Reauthorizer:
    """Reviews people with streams here whenever the basis of permissions has changed."""

    def __init__(
        self,
        subscribers: SubscriberRegistry,
        access: Access,
        visibility: Visibility,
        *,
        streams: Callable[[], Iterable[Stream]],
    ) -> None:
        """Set up the reauthorisation of open streams.

        Args:
            subscribers: people with streams here.
            access: authorises people.
            visibility: decides which events each stream receives.
            streams: returns all open streams.
        """
        self._subscribers = subscribers
        self._access = access
        self._visibility = visibility
        self._streams = streams
        self._changed: set[tuple[str, str]] = set()
        self._awake = asyncio.Event()
        access.projection.on_change(self._note)

    def _note(self, tenant_id: str, person_id: str) -> None:
        self._changed.add((tenant_id, person_id))
        self._awake.set()

    async def run(self) -> None:
        """Review until cancelled; changes that arrive together are reviewed once."""
        while True:
            await self._awake.wait()
            await asyncio.sleep(_TOGETHER_SECONDS)
            self._awake.clear()
            changed, self._changed = self._changed, set()
            concerned = self._concerned(changed)
            opened: dict[Subscriber, list[Stream]] = {person: [] for person in concerned}
            for stream in self._streams():
                if stream.person in opened:
                    opened[stream.person].append(stream)
            for number, person in enumerate(concerned):
                self._look(person, opened[person])
                if number % _AT_ONCE == _AT_ONCE - 1:
                    await asyncio.sleep(0)

    def _concerned(self, changed: set[tuple[str, str]]) -> list[Subscriber]:
        everybody = {tenant_id for tenant_id, person_id in changed if person_id == _EVERYBODY}
        return [
            person
            for person in self._subscribers
            if person.tenant_id in everybody or (person.tenant_id, person.person_id) in changed
        ]

    def _look(self, person: Subscriber, streams: Iterable[Stream]) -> None:
        for stream in streams:
            try:
                self._access.decide(stream.identity, OPEN)
            except Refusal as refusal:
                stream.send_buffer.end(refusal, at_once=True)
        # In this order: conversations that a stream may no longer receive are closed for it first.
        self._subscribers.review(person)
        self._visibility.review(person.tenant_id, person.streams)
