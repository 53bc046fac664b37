"""Signals that a person is typing, or has stopped."""

from datetime import datetime

from plexus.topics import MESSAGING_SIGNAL_V1
from plexuskit.grpc import Actor
from plexuskit.kafka import Outgoing
from plexuskit.timestamps import timestamp

from messaging.contract.events import envelope
from messaging.conversations.domain.refusals import ConversationIsArchived
from messaging.conversations.queries.seats import seat
from messaging.messages.operations.threads import require_root
from messaging.messages.store.stores import Store
from messaging.presence.events import typing
from messaging.presence.operations.signals import Signals


async def signal_typing(
    store: Store,
    signals: Signals,
    *,
    actor: Actor,
    conversation_id: str,
    root_seq: int,
    stopped: bool,
    now: datetime,
) -> None:
    """Signal to the other members that a person is typing, or has stopped.

    Membership and thread are read from the store by key, once a second at most, and not from the
    log's tail in memory: that one is right only in the process that writes the conversation, and
    calls reach any process. The event carries the membership version, so a gateway that has not yet
    received a removal does not deliver it (MSG-14).

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        ConversationIsArchived: it accepts no more messages.
        MessageNotFound: no such thread that the caller may see.
        TypingInTooManyThreads: in more than three of the conversation within a second.
    """
    subject = (conversation_id, actor.person_id, str(root_seq))
    signals.require_room(subject)
    version = signals.version_of(subject)
    if version is None:
        version = await _membership_version(store, actor, conversation_id, root_seq)
        # Others may have come while this was read.
        signals.require_room(subject)
    fact = typing(
        conversation_id=conversation_id,
        person_id=actor.person_id,
        root_seq=root_seq,
        stopped=stopped,
    )
    value = envelope(
        fact,
        tenant_id=actor.tenant_id,
        scope=conversation_id,
        change_no=0,
        entity_id=actor.person_id,
        entity_version=0,
        actor_id=actor.person_id,
        occurred_at=timestamp(now),
        now=now,
        membership_version=version,
    )
    record: Outgoing = (MESSAGING_SIGNAL_V1.name, conversation_id, value, {})
    signals.publish(subject, record, version=version)


async def _membership_version(
    store: Store, actor: Actor, conversation_id: str, root_seq: int
) -> int:
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    if place.conversation.archived:
        raise ConversationIsArchived(conversation_id=conversation_id)
    if root_seq:
        await require_root(store, place, root_seq=root_seq)
    return place.conversation.membership_version
