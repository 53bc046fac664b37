"""People with streams here, and the conversations that the owner lets them read.

A person is loaded once, however many streams are open. Changes of membership that arrive during the
query are applied to its answer: they are newer, or the next records of the tail repeat them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

import structlog
from plexus.authz.v1.authority_pb2 import Container
from plexuskit.backoff import pause
from plexuskit.errors import Refusal
from plexuskit.grpc import RemoteFailure

from gateway.identity import Identity
from gateway.live import wire
from gateway.live.channels import Channels
from gateway.live.send_buffer import RESYNCS
from gateway.live.subscriptions import Channel, Ranges, Subscriber, ranges_of

log = structlog.get_logger()

MayRead = Callable[[str, str], bool]
"""Decides by their roles if a person (tenant, person) may read messages at all."""
Ask = Callable[[str, str], Awaitable[Sequence[Container]]]
"""Queries messaging for the conversations of a (tenant, person). Raises DependencyDown."""

ASKED_AT_ONCE: Final = 32
RELOADED_EVERY: Final = 2.0
"""Seconds between two queries of everything that one person may read."""
_BACK_OFF: Final = (0.2, 5.0)
_ALL: Final = ""
RELOADED: Final = "RELOADED"


class SubscriberRegistry:
    """Loads people, keeps their seats, and asks again when events were missed."""

    def __init__(
        self, channels: Channels, *, ask: Ask, may_read: MayRead, every: float = RELOADED_EVERY
    ) -> None:
        """Set up the registry.

        Args:
            channels: the conversations.
            ask: queries messaging for the conversations that a person may read.
            may_read: decides by a person's roles.
            every: seconds between two queries about one person.
        """
        self._channels = channels
        self._ask = ask
        self._may_read = may_read
        self._every = every
        self._subscribers: dict[str, Subscriber] = {}
        # People here who have a direct conversation with a person.
        self._with: dict[str, set[Subscriber]] = {}
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)

    def get(self, person_id: str) -> Subscriber | None:
        """Return a person who has streams here, loaded or being loaded."""
        return self._subscribers.get(person_id)

    def with_direct(self, person_id: str) -> Collection[Subscriber]:
        """Return the people with streams here who have a direct conversation with a person."""
        return self._with.get(person_id, ())

    def paired(self, first: str, second: str) -> None:
        """Record that two people have a direct conversation."""
        for one, other in ((first, second), (second, first)):
            person = self._subscribers.get(one)
            if person is not None and other not in person.peers:
                person.peers[other] = None
                self._with.setdefault(other, set()).add(person)

    async def enter(self, identity: Identity) -> Subscriber:
        """Load a person for a stream; `leave` must follow, however the stream ends.

        Raises:
            DependencyDown: the owner cannot be queried.
        """
        person = self._subscribers.get(identity.person_id)
        if person is None:
            person = Subscriber(identity.tenant_id, identity.person_id)
            person.may_read = self._may_read(person.tenant_id, person.person_id)
            self._subscribers[person.person_id] = person
        person.holders += 1
        try:
            while not person.ready:
                if person.loading is None or person.loading.done():
                    person.loading = asyncio.create_task(self._load(person))
                await asyncio.shield(person.loading)
        except BaseException:
            self.leave(person)
            raise
        return person

    def leave(self, person: Subscriber) -> None:
        """Record the end of a stream; a person without any is dropped."""
        person.holders -= 1
        if person.holders:
            return
        del self._subscribers[person.person_id]
        for subscription in person.subscriptions.values():
            subscription.channel.subscriptions.pop(person.person_id, None)
        person.subscriptions = {}
        for peer in person.peers:
            self._with[peer].discard(person)
            if not self._with[peer]:
                del self._with[peer]
        person.peers = {}
        _stop(person)

    def settle(
        self, channel: Channel, members: Mapping[str, Ranges], *, version: int, reason: str
    ) -> None:
        """Update a conversation from its owner's answer, and notify members who must fetch again.

        Args:
            channel: the conversation.
            members: all of them, with their visible ranges.
            version: version of the membership in the answer.
            reason: sent to people who have missed something.
        """
        concerned = channel.subscriptions.keys() | (members.keys() & self._subscribers.keys())
        for person_id in concerned:
            person, ranges = self._subscribers[person_id], members.get(person_id)
            if person.changes is not None:
                person.changes[channel.id] = (version, ranges)
            if ranges is None:
                if channel.unsubscribe(person):
                    person.notify(wire.closed(channel.id, change_no=channel.through))
            elif person.may_read and person.ready:
                previous = person.subscriptions.get(channel.id)
                missed = previous is None or not previous.live
                channel.subscribe(person, ranges).live = True
                if missed:
                    RESYNCS.labels(reason).inc(len(person.streams))
                    person.notify(wire.resync([channel.id], reason=reason))

    def reload_all(self, channel: Channel, *, reason: str) -> None:
        """Query all people because of one conversation that cannot be queried alone.

        The missing event may have added any of them.
        """
        for subscription in channel.subscriptions.values():
            subscription.live = False
        for person in self._subscribers.values():
            if person.asked:
                self._reload(person, channel.id, reason)

    def mark_everything_stale(self, *, reason: str) -> None:
        """Stop all delivery until the owner has returned each person's readable conversations."""
        for person in self._subscribers.values():
            for subscription in person.subscriptions.values():
                subscription.live = False
            if person.asked:
                self._reload(person, _ALL, reason)

    def review(self, person: Subscriber) -> None:
        """Update a person's subscriptions to what their roles allow now (GW-3, GW-4).

        A person who may no longer read messages gets a notice for each conversation, and receives
        no more of it; one who may again gets everything anew.
        """
        may_read = self._may_read(person.tenant_id, person.person_id)
        if may_read == person.may_read:
            return
        person.may_read = may_read
        if may_read:
            if person.asked:
                self._reload(person, _ALL, RELOADED)
            return
        for conversation_id, subscription in list(person.subscriptions.items()):
            subscription.channel.unsubscribe(person)
            person.notify(wire.closed(conversation_id, change_no=subscription.channel.through))

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(list(self._subscribers.values()))

    def joined(self, channel: Channel, person_id: str, stays: Ranges, *, change_no: int) -> None:
        """Apply an addition."""
        person = self._subscribers.get(person_id)
        if person is None:
            return
        if person.changes is not None:
            person.changes[channel.id] = (change_no, stays)
        if person.may_read and person.ready:
            subscription = channel.subscribe(person, stays)
            if channel.question is not None:
                subscription.live = False

    def left(self, channel: Channel, person_id: str, *, change_no: int) -> None:
        """Apply a removal: notify the streams, and deliver nothing of the conversation later."""
        person = self._subscribers.get(person_id)
        if person is None:
            return
        if person.changes is not None:
            person.changes[channel.id] = (change_no, None)
        if channel.unsubscribe(person):
            person.notify(wire.closed(channel.id, change_no=change_no))

    def broken(self, person: Subscriber, *, reason: str) -> None:
        """Have a person's streams fetch everything, because a record of theirs was broken.

        However many are broken, the notice is sent at most every few seconds.
        """
        if person.resync_timer is None:
            loop = asyncio.get_running_loop()
            at = max(loop.time(), person.resynced_at + self._every)
            person.resync_timer = loop.call_at(at, _resync_all, person, reason)

    def close(self) -> None:
        """Stop asking."""
        for person in self._subscribers.values():
            _stop(person)

    async def _load(self, person: Subscriber) -> None:
        readable = await self._readable(person)
        # From here to the end nothing else runs, so no change is missed or applied twice.
        for conversation_id, ranges in readable.items():
            subscription = self._channels.get(conversation_id).subscribe(person, ranges)
            # Events were missed since the owner was queried: it is queried again.
            subscription.live = not person.doubts and subscription.channel.question is None
        person.ready, person.loading = True, None

    def _reload(self, person: Subscriber, conversation_id: str, reason: str) -> None:
        person.doubts[conversation_id] = reason
        if person.reloading is None or person.reloading.done():
            person.reloading = asyncio.create_task(self._resolve_doubts(person))

    async def _resolve_doubts(self, person: Subscriber) -> None:
        if person.loading is not None:
            await asyncio.wait([person.loading])
        failures = 0
        while person.doubts:
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(max(0.0, person.reload_at - now))
            person.reload_at = asyncio.get_running_loop().time() + self._every
            doubts, person.doubts = person.doubts, {}
            try:
                readable = await self._readable(person)
            except Exception as error:
                log.warning("live.reload_failed", exc_info=_unexpected(error), error=str(error))
                person.doubts = doubts | person.doubts
                await asyncio.sleep(pause(failures, _BACK_OFF))
                failures += 1
                continue
            self._settle(person, readable, doubts)

    def _settle(
        self, person: Subscriber, readable: dict[str, Ranges], doubts: dict[str, str]
    ) -> None:
        """Update subscriptions from the owner's answer, and notify streams that have to fetch."""
        for conversation_id, subscription in list(person.subscriptions.items()):
            if conversation_id not in readable:
                subscription.channel.unsubscribe(person)
                person.notify(wire.closed(conversation_id, change_no=subscription.channel.through))
        again = set()
        for conversation_id, ranges in readable.items():
            previous = person.subscriptions.get(conversation_id)
            subscription = self._channels.get(conversation_id).subscribe(person, ranges)
            in_doubt = conversation_id in person.doubts or _ALL in person.doubts
            if in_doubt or subscription.channel.question is not None:
                subscription.live = False
            elif previous is None or not subscription.live:
                subscription.live = True
                again.add(conversation_id)
        if _ALL in doubts:
            again = set()
        elif not again:
            return
        reason = doubts.get(_ALL) or next(iter(doubts.values()))
        RESYNCS.labels(reason).inc(len(person.streams))
        person.notify(wire.resync(sorted(again), reason=reason))

    async def _readable(self, person: Subscriber) -> dict[str, Ranges]:
        """Ask the owner; give each readable conversation with its visible stretches."""
        changes: dict[str, tuple[int, Ranges | None]] = {}
        versions: dict[str, int] = {}
        async with self._asking:
            person.changes = changes
            try:
                containers = await self._ask(person.tenant_id, person.person_id)
            finally:
                person.changes = None
        readable: dict[str, Ranges] = {}
        for container in containers:
            if container.kind == "conversation":
                # No intervals: everything in it, by its policy.
                channel = self._channels.get(container.id)
                channel.learn_history(everything=not container.intervals)
                readable[container.id] = ranges_of(container.intervals)
                versions[container.id] = container.version
                if container.peer_id and self._subscribers.get(person.person_id) is person:
                    self.paired(person.person_id, container.peer_id)
        for conversation_id, (version, stays) in changes.items():
            answered = versions.get(conversation_id, 0)
            if answered > version:
                continue
            if stays is None:
                readable.pop(conversation_id, None)
            elif answered:
                readable[conversation_id] = stays
            else:
                readable.setdefault(conversation_id, stays)
        # Asked last: nothing runs between this and the seats that are given by it.
        return readable if person.may_read else {}


def _resync_all(person: Subscriber, reason: str) -> None:
    person.resync_timer, person.resynced_at = None, asyncio.get_running_loop().time()
    for listener in person.streams:
        listener.send_buffer.put(wire.resync([], reason=reason))


def _stop(person: Subscriber) -> None:
    for work in (person.loading, person.reloading, person.resync_timer):
        if work is not None:
            work.cancel()


def _unexpected(error: Exception) -> Exception | None:
    """Return the error to log with a trace: none for a refusal, which explains itself."""
    return None if isinstance(error, Refusal | RemoteFailure) else error
