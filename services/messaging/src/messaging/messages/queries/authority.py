"""Current read access for other services (SRC-1, SRC-2)."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence

from plexus.authz.v1 import authority_pb2
from plexuskit.containers import page_of
from plexuskit.grpc import Actor

from messaging.conversations.queries.seats import Seat, find_seats
from messaging.log.domain.states import Conversation, History, Member, visible_ranges
from messaging.messages.store.history import Revision
from messaging.messages.store.stores import Store

# Members in one part of the answer about a conversation: some 100 KB.
MEMBERS_TOGETHER = 1_000


async def readable_containers(
    store: Store, request: authority_pb2.ReadableContainersRequest
) -> authority_pb2.ReadableContainersResponse:
    """Return the conversations a person may read now, with intervals (SRC-1, MSG-14)."""
    person_id = request.person_id
    members = await store.conversations.memberships(person_id)
    opened = await store.conversations.with_open_history(m.conversation_id for m in members)
    digest = hashlib.sha256()
    for member in sorted(members, key=lambda m: m.conversation_id):
        mark = "+" if member.conversation_id in opened else ""
        digest.update(f"{member.conversation_id}:{member.version}{mark}\n".encode())
    version = digest.hexdigest()
    if version == request.known_version and not request.page_token:
        return authority_pb2.ReadableContainersResponse(version=version, unchanged=True)
    conversations = await store.conversations.find_many(m.conversation_id for m in members)
    containers = [
        authority_pb2.Container(
            kind="conversation",
            id=member.conversation_id,
            intervals=_intervals(member, conversations[member.conversation_id].history),
            peer_id=_peer(conversations[member.conversation_id], person_id),
            version=member.version,
        )
        for member in members
        if conversations[member.conversation_id].tenant_id == request.tenant_id
    ]
    return page_of(request, version=version, containers=containers)


def _peer(conversation: Conversation, person_id: str) -> str:
    if conversation.pair is None:
        return ""
    first, second = conversation.pair
    return first if second == person_id else second


def _intervals(member: Member, history: History) -> list[authority_pb2.Interval]:
    if history is History.ALL:
        return []
    return [
        authority_pb2.Interval(first_seq=first, last_seq=last)
        for first, last in visible_ranges(member, history=history)
    ]


async def recheck(
    store: Store, *, tenant_id: str, person_id: str, refs: Sequence[authority_pb2.ObjectRef]
) -> list[authority_pb2.Verdict]:
    """Return for each object if the person may read it now, and its current version (SRC-2)."""
    actor = Actor(tenant_id=tenant_id, person_id=person_id, session_id="", roles=frozenset())
    seats = await find_seats(
        store, actor=actor, conversation_ids={ref.container_id or ref.id for ref in refs}
    )
    wanted: dict[str, set[int]] = {}
    for ref in refs:
        container = ref.container_id or ref.id
        if ref.kind == "message" and container in seats:
            wanted.setdefault(container, set()).add(ref.seq)
    messages = await store.history.find_revisions(wanted)
    return [_verdict(ref, seats, messages) for ref in refs]


def _verdict(
    ref: authority_pb2.ObjectRef,
    seats: Mapping[str, Seat],
    messages: Mapping[str, Mapping[int, Revision]],
) -> authority_pb2.Verdict:
    place = seats.get(ref.container_id or ref.id)
    if place is None:
        return authority_pb2.Verdict()
    if ref.kind == "conversation":
        return authority_pb2.Verdict(readable=True, version=place.conversation.version)
    message = messages.get(place.conversation.id, {}).get(ref.seq)
    if message is None or message.message_id != ref.id or message.recalled:
        return authority_pb2.Verdict()
    if not place.sees(ref.seq):
        return authority_pb2.Verdict()
    return authority_pb2.Verdict(readable=True, version=message.number)


async def read_members(
    store: Store, *, conversation_id: str
) -> AsyncIterator[authority_pb2.ReadMembersResponse]:
    """Yield the current members of a conversation with their visible ranges (MSG-14), in parts.

    The conversation is read first: the members contain every change up to its version.
    """
    conversation = await store.conversations.find(conversation_id)
    if conversation is None:
        yield authority_pb2.ReadMembersResponse()
        return
    everything = conversation.history is History.ALL
    members = [
        authority_pb2.ContainerMember(
            person_id=member.person_id, intervals=_intervals(member, conversation.history)
        )
        for member in await store.conversations.members(conversation_id, active=True)
    ]
    for start in range(0, max(len(members), 1), MEMBERS_TOGETHER):
        yield authority_pb2.ReadMembersResponse(
            tenant_id=conversation.tenant_id,
            version=conversation.membership_version,
            everything=everything,
            pair=conversation.pair or (),
            members=members[start : start + MEMBERS_TOGETHER],
        )


async def compact_snapshot(
    store: Store, *, tenant_id: str
) -> AsyncIterator[authority_pb2.Relation]:
    """Stream the members of every conversation, many in one relation.

    Members change while this is read. The version was read first, so the members contain every
    change up to it; applying the later ones in order leads to the current state.
    """
    async for roster in store.conversations.rosters(tenant_id):
        yield authority_pb2.Relation(
            tenant_id=roster.tenant_id,
            object=f"conversation:{roster.conversation_id}",
            relation="member",
            subjects=[f"person:{person_id}" for person_id in roster.people],
            version=roster.version,
        )


async def snapshot(store: Store, *, tenant_id: str) -> AsyncIterator[authority_pb2.Relation]:
    """Stream every membership as `conversation:ID#member@person:ID`."""
    async for tenant, member in store.conversations.all_members(tenant_id):
        yield authority_pb2.Relation(
            tenant_id=tenant,
            object=f"conversation:{member.conversation_id}",
            relation="member",
            subject=f"person:{member.person_id}",
            version=member.version,
            intervals=[
                authority_pb2.Interval(
                    first_seq=stay.first_seq, last_seq=stay.last_seq if stay.left_version else 0
                )
                for stay in member.stays
            ],
        )
