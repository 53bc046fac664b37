"""Notifications of messages: posted, edited and recalled (MSG-11, MSG-12, MSG-13, MSG-19)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from notify.domain.conversations import Conversation, Member
from notify.domain.definitions import Kinds
from notify.domain.kinds import MESSAGE
from notify.domain.messages import Audience, SentMessage, recipients
from notify.domain.notifications import Notification, Source, recalled, reworded, taken_back
from notify.domain.outcomes import Reason
from notify.domain.people import Person, locale_of
from notify.domain.requests import NotificationRequest
from notify.domain.wording import RECALLED, excerpt
from notify.kinds.mention import KIND as MENTION
from notify.operations.amendments import amend
from notify.operations.audiences import create_notifications
from notify.store import Store
from notify.store.notifications import by_id, of_message


class Membership(Protocol):
    """Members of departments, as directory knows them now."""

    async def in_departments(
        self, department_ids: Collection[str], *, among: Collection[str], tenant_id: str
    ) -> frozenset[str]:
        """Return the people who are active and belong to one of the departments or below it now.

        Raises:
            DependencyDown: the owner gives no answer.
        """
        ...


async def notify_messages(
    store: Store,
    *,
    messages: Sequence[SentMessage],
    membership: Membership,
    jitter: timedelta,
    now: datetime,
) -> None:
    """Notify the recipients of messages, each event once (NTF-2).

    A conversation that is not known yet has no members to notify.

    Raises:
        DependencyDown: the database, or directory for an addressed department, does not answer;
            the messages are processed when they come again.
    """
    conversations = await store.conversations.find(each.conversation_id for each in messages)
    concerned = [each for each in messages if _concerns(each, conversations, kinds=store.kinds)]
    if not concerned:
        return
    members = await _members(store, concerned, conversations)
    belonging = await _in_departments(membership, concerned, members)
    senders = await store.people.find(each.sender_id for each in concerned)
    requests = [
        _request(
            Audience(
                message=each,
                conversation=conversations[each.conversation_id],
                members=members[each.message_id],
                in_departments=belonging.get(each.message_id, frozenset()),
            ),
            kinds=store.kinds,
            sender=senders.get(each.sender_id),
        )
        for each in concerned
    ]
    await create_notifications(store, requests=requests, jitter=jitter, now=now)


async def reword_message(store: Store, *, message_id: str, text: str, now: datetime) -> None:
    """Update the notifications of an edited message to its current text (MSG-11)."""
    body = excerpt(text)

    def change(notification: Notification) -> Notification:
        # Recipients who could not read the message have no text of it, and get none now.
        return reworded(notification, body=body) if notification.body and body else notification

    await amend(store, of_message(message_id), change, now=now)


async def recall_message(store: Store, *, message_id: str, now: datetime) -> None:
    """Remove a recalled message's content and drop its waiting e-mails (MSG-12, NTF-4)."""
    last = ""
    while ids := await store.notifications.ids(of_message(message_id), after=last, limit=500):
        told = await store.notifications.load(ids)
        people = await store.people.find(each.person_id for each in told)
        bodies = {each.id: RECALLED.to(locale_of(people.get(each.person_id))) for each in told}
        await amend(store, by_id(ids), partial(_recalled, bodies=bodies, now=now), now=now)
        last = ids[-1]


def _recalled(
    notification: Notification, *, bodies: Mapping[str, str], now: datetime
) -> Notification:
    if notification.kind is MENTION:
        return taken_back(notification, reason=Reason.RECALLED, now=now)
    return recalled(notification, body=bodies[notification.id], now=now)


async def withdraw_mentions(
    store: Store,
    *,
    message: SentMessage,
    membership: Membership,
    now: datetime,
) -> None:
    """Withdraw the notifications of people whom a message mentions no more after an edit (MSG-11).

    In a direct conversation they stay: the other person is notified of every message.

    Args:
        store: the service's database.
        message: after the edit, with all whom it mentions.
        membership: members of departments, asked if it mentions some.
        now: when.

    Raises:
        DependencyDown: the database, or directory for a department, does not answer.
    """
    addressing, last = message.addressing, ""
    conversations = await store.conversations.find([message.conversation_id])
    conversation = conversations.get(message.conversation_id)
    if addressing.everybody or conversation is None or conversation.direct:
        return
    selection = of_message(message.message_id)
    while ids := await store.notifications.ids(selection, after=last, limit=500):
        last = ids[-1]
        people = {
            each.person_id
            for each in await store.notifications.load(ids)
            if each.kind is MENTION and each.person_id not in addressing.person_ids
        }
        if people and addressing.department_ids:
            people -= await membership.in_departments(
                addressing.department_ids, among=people, tenant_id=message.tenant_id
            )
        if people:
            change = partial(_unmentioned, people=people, now=now)
            await amend(store, by_id(ids), change, now=now)


def _unmentioned(
    notification: Notification, *, people: Collection[str], now: datetime
) -> Notification:
    if notification.kind is not MENTION or notification.person_id not in people:
        return notification
    return taken_back(notification, reason=Reason.MENTION_REMOVED, now=now)


def _concerns(
    sent: SentMessage, conversations: Mapping[str, Conversation], *, kinds: Kinds
) -> bool:
    conversation = conversations.get(sent.conversation_id)
    return conversation is not None and any(
        rule.applies(sent, conversation) for _, rule in kinds.message_rules
    )


async def _members(
    store: Store, messages: Sequence[SentMessage], conversations: Mapping[str, Conversation]
) -> dict[str, dict[str, Member]]:
    """Return the members who can be addressed, by message: all of a conversation, or the named."""
    whole: dict[str, dict[str, Member]] = {}
    named: set[tuple[str, str]] = set()
    for each in messages:
        conversation = conversations[each.conversation_id]
        if any(
            rule.needs_members(each)
            for _, rule in store.kinds.message_rules
            if rule.applies(each, conversation)
        ):
            whole.setdefault(each.conversation_id, {})
        else:
            named |= {(each.conversation_id, person) for person in each.addressing.person_ids}
    found = await store.conversations.members_among(named)
    whole |= await store.conversations.members(whole)
    return {
        each.message_id: whole.get(each.conversation_id)
        or {
            person: found[each.conversation_id, person]
            for person in each.addressing.person_ids
            if (each.conversation_id, person) in found
        }
        for each in messages
    }


async def _in_departments(
    membership: Membership,
    messages: Sequence[SentMessage],
    members: Mapping[str, Mapping[str, Member]],
) -> dict[str, frozenset[str]]:
    """Return the members who belong to an addressed department, by message (MSG-13).

    Departments as they are when the message is processed; a notification is not taken back when
    they change. directory is asked, because facts of people may arrive after the message.
    """
    return {
        each.message_id: await membership.in_departments(
            each.addressing.department_ids,
            among=members[each.message_id],
            tenant_id=each.tenant_id,
        )
        for each in messages
        if each.addressing.department_ids
    }


def _request(audience: Audience, *, kinds: Kinds, sender: Person | None) -> NotificationRequest:
    message = audience.message
    return NotificationRequest(
        event_id=message.event_id,
        tenant_id=message.tenant_id,
        source=Source(
            kind=MESSAGE,
            id=message.message_id,
            actor_id=message.sender_id,
            conversation_id=message.conversation_id,
            seq=message.seq,
            root_seq=message.root_seq,
        ),
        # A person is notified of a message once, however often it is edited (MSG-11).
        step="",
        body=excerpt(message.text),
        silent=message.silent,
        confidential=audience.conversation.confidential,
        recipients=recipients(
            audience,
            rules=kinds.message_rules,
            sender_name=sender.display_name if sender else "",
        ),
        urgent=message.urgent,
        after_reading=not message.fresh,
    )
