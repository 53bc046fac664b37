"""Another person adds a person to a group, removes them, or changes their role (MSG-14)."""

from collections.abc import Iterable
from typing import Final

from plexus.messaging.v1.conversations_pb2 import Conversation as ConversationMessage
from plexus.messaging.v1.conversations_pb2 import Member
from plexus.messaging.v1.events_pb2 import ConversationCreated, MembersAdded, MembersRemoved
from plexus.notify.v1 import notifications_pb2 as pb
from plexuskit.timestamps import instant_of

from notify.domain.definitions import Definition, Event, FactRule, Projections, display_name
from notify.domain.kinds import CONVERSATION, IN_APP, Kind
from notify.domain.notifications import Source
from notify.domain.requests import NotificationRequest, Recipient
from notify.domain.wording import Text, Wording

KIND: Final = Kind(
    name="membership",
    number=pb.NOTIFICATION_KIND_MEMBERSHIP,
    source=CONVERSATION,
    channels=IN_APP,
    texts={
        "added": Text(
            zh="{actor} 将你加入「{conversation}」", en="{actor} added you to {conversation}"
        ),
        "added_body": Text(zh="你现在可以在群里收发消息。", en="You can read and write in it now."),
        "removed": Text(
            zh="{actor} 将你移出「{conversation}」",
            en="{actor} removed you from {conversation}",
        ),
        "removed_body": Text(
            zh="你将不再看到群里的消息。", en="You no longer see the messages in it."
        ),
        "owner": Text(
            zh="{actor} 将你设为「{conversation}」的群主",
            en="{actor} made you an owner of {conversation}",
        ),
        "admin": Text(
            zh="{actor} 将你设为「{conversation}」的管理员",
            en="{actor} made you an administrator of {conversation}",
        ),
        "member": Text(
            zh="{actor} 将你设为「{conversation}」的普通成员",
            en="{actor} made you a member of {conversation}",
        ),
        "role_body": Text(zh="你在群里的权限已变更。", en="What you may do in it has changed."),
    },
    hidden=Text(zh="你的群成员身份已变更", en="Your membership in a group has changed"),
)

_ROLES: Final = {Member.ROLE_OWNER: "owner", Member.ROLE_ADMIN: "admin"}


async def _created(
    fact: ConversationCreated, event: Event, projections: Projections
) -> NotificationRequest | None:
    if fact.conversation.kind != ConversationMessage.KIND_GROUP:
        return None
    return await _request(fact.members, "added", event, projections)


async def _added(
    fact: MembersAdded, event: Event, projections: Projections
) -> NotificationRequest | None:
    # A stay that begins does so at the time of its fact; a new role keeps the stay.
    joins = any(instant_of(each.joined_at) == event.at for each in fact.members)
    return await _request(fact.members, "added" if joins else "", event, projections)


async def _removed(
    fact: MembersRemoved, event: Event, projections: Projections
) -> NotificationRequest | None:
    if fact.left:
        return None
    return await _request(fact.members, "removed", event, projections)


async def _request(
    members: Iterable[Member], change: str, event: Event, projections: Projections
) -> NotificationRequest | None:
    """Return one notification per person, without the one who made the change.

    Args:
        members: those whom it is about, as they are after it.
        change: name of the text; empty for a new role.
        event: of the fact.
        projections: as they are after it.
    """
    others = sorted(
        (each for each in members if each.person_id != event.actor_id),
        key=lambda each: each.person_id,
    )
    if not others or event.imported:
        return None
    conversation_id = others[0].conversation_id
    conversation = (await projections.conversations.find([conversation_id])).get(conversation_id)
    if conversation is None:
        return None
    actor = await display_name(projections, event.actor_id)
    words = {"actor": actor, "conversation": conversation.name}
    return NotificationRequest(
        event_id=event.id,
        tenant_id=event.tenant_id,
        source=Source(
            kind=CONVERSATION,
            id=conversation_id,
            actor_id=event.actor_id,
            conversation_id=conversation_id,
        ),
        # The version of the membership: a later change notifies again.
        step=f"{change or 'role'}|{others[0].version}",
        body=Wording(text=KIND.texts[f"{change or 'role'}_body"]),
        confidential=conversation.confidential,
        recipients=tuple(
            Recipient(
                person_id=each.person_id,
                kind=KIND,
                wording=Wording(
                    text=KIND.texts[change or _ROLES.get(each.role, "member")], words=words
                ),
                by_name=True,
            )
            for each in others
        ),
    )


DEFINITION: Final = Definition(
    kind=KIND,
    facts=(
        FactRule(fact=ConversationCreated, request=_created),
        FactRule(fact=MembersAdded, request=_added),
        FactRule(fact=MembersRemoved, request=_removed),
    ),
)
