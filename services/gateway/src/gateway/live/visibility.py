"""The events that each open stream may receive, by its own token (GW-9, GW-10).

Scopes and roles decide when a stream opens, renews its token, or when roles, groups or modules
change. Attribute policies decide per (app, second factor, scopes, conversation), at the first
delivery after such a change, and again at a minute boundary when a policy reads the time. Tenants
without a policy on messages pay one comparison with None per member and event, and people without
hidden columns (GW-3) another one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import structlog
from google.protobuf.message import DecodeError, Message
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2 as messaging
from plexus.notify.v1 import events_pb2 as notify
from plexus_access.clearing import cleared
from plexus_access.decisions import Need
from plexus_access.masks import NONE, Masks
from plexus_access.notices import hidden_words
from plexus_access.objects import CONVERSATION, TASK, Object
from plexuskit.clock import Clock

from gateway.access import Access
from gateway.identity import Identity
from gateway.live import wire
from gateway.live.send_buffer import RESYNCS, SendBuffer

log = structlog.get_logger()

READ: Final = "messages.read"
SEND: Final = "messages.send"
NOTIFICATIONS: Final = "notifications.read"
CONVERSATIONS: Final = "conversations.read"
TASKS: Final = "tasks.read"
PRESENCE: Final = "presence.signal"
_PERMISSIONS: Final = (READ, SEND, NOTIFICATIONS, CONVERSATIONS, TASKS, PRESENCE)
ACCESS_CHANGED: Final = "ACCESS_CHANGED"
_MINUTE: Final = 60
_HOLDERS: Final = ("draft", "scheduled", "settings", "cursor")

# The permission that each personal fact takes, and the message of the fact.
PERSONAL: Final[dict[str, tuple[str, type[Message]]]] = {
    fact.DESCRIPTOR.full_name: (permission, fact)
    for permission, fact in (
        (SEND, messaging.DraftSaved),
        (SEND, messaging.DraftDeleted),
        (SEND, messaging.ScheduledMessageChanged),
        (CONVERSATIONS, messaging.ConversationSettingsChanged),
        (READ, messaging.CursorAdvanced),
        (NOTIFICATIONS, notify.NotificationRaised),
        (NOTIFICATIONS, notify.NotificationChanged),
    )
}


class Listener:
    """One stream as a target of events: its send buffer, and its token."""

    __slots__ = ("identity", "permissions", "refused", "send_buffer")

    def __init__(self, send_buffer: SendBuffer, identity: Identity) -> None:
        self.send_buffer = send_buffer
        self.identity = identity
        # Permissions that the token gives for some object.
        self.permissions: frozenset[str] = frozenset()
        # Conversations hidden from the stream by a policy, which was notified that they are closed.
        self.refused: set[str] = set()


class Gate:
    """The verdicts of policies on one person's streams, until something of them changes."""

    __slots__ = ("minute", "readers")

    def __init__(self) -> None:
        self.minute = 0
        self.readers: dict[str, list[SendBuffer]] = {}


class Columns:
    """The visible columns of one person in each conversation, until they change.

    `until` is when a role of the person ends without an event.
    """

    __slots__ = ("shown", "until")

    def __init__(self, until: datetime | None) -> None:
        self.until = until
        self.shown: dict[str, Masks] = {}


class Listeners:
    """The open streams of one person."""

    __slots__ = ("_all", "columns", "gate", "readers")

    def __init__(self) -> None:
        self._all: list[Listener] = []
        # Streams that messages go to as far as no policy refuses.
        self.readers: list[SendBuffer] = []
        # None: no policy of the tenant is about reading messages.
        self.gate: Gate | None = None
        # None: no role of the person hides a column.
        self.columns: Columns | None = None

    def __iter__(self) -> Iterator[Listener]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def counted(self, permission: str) -> int:
        """Return the number of streams whose tokens have a permission."""
        return sum(permission in each.permissions for each in self._all)

    def add(self, listener: Listener) -> None:
        """Add a stream that `Visibility` has evaluated."""
        self._all.append(listener)
        self.settle()

    def remove(self, send_buffer: SendBuffer) -> None:
        """Remove a stream."""
        self._all = [each for each in self._all if each.send_buffer is not send_buffer]
        self.settle()

    def settle(self) -> None:
        """Apply a change of the streams or of their permissions."""
        self.readers = [each.send_buffer for each in self._all if READ in each.permissions]
        if self.gate is not None:
            self.gate.readers.clear()


class Visibility:
    """Decides which streams receive an event."""

    def __init__(self, access: Access, *, clock: Clock) -> None:
        """Set up decisions.

        Args:
            access: the gateway's replica of roles and policies.
            clock: the minute at which policies on time are evaluated.
        """
        self._access = access
        self._clock = clock

    def admit(self, listener: Listener, listeners: Listeners) -> None:
        """Add a stream to its person's."""
        identity = listener.identity
        listener.permissions = self._held(identity)
        self._gate(identity.tenant_id, listeners)
        self._columns(identity, listeners)
        listeners.add(listener)

    def renew(self, listener: Listener, listeners: Listeners, identity: Identity) -> None:
        """Continue under another token, which may include a second factor by now."""
        listener.identity = identity
        self._look(listener)
        listeners.settle()

    def review(self, tenant_id: str, listeners: Listeners) -> None:
        """Look again after a change of policies, roles, groups, modules or the person."""
        self._gate(tenant_id, listeners)
        for listener in listeners:
            self._look(listener)
            self._columns(listener.identity, listeners)
        listeners.settle()

    def masks(self, listeners: Listeners, conversation_id: str) -> Masks:
        """Return the columns that a person is shown in a conversation (GW-3); none: all of them."""
        columns = listeners.columns
        if columns is None:
            return NONE
        listener = next(iter(listeners), None)
        if listener is None:
            return NONE
        identity = listener.identity
        if columns.until is not None and columns.until <= self._clock.now():
            until = self._access.masked_until(identity.tenant_id, identity.person_id)
            columns = listeners.columns = Columns(until)
        known = columns.shown.get(conversation_id)
        if known is None:
            object_ = Object(CONVERSATION, conversation_id)
            known = columns.shown[conversation_id] = self._access.masks(identity, READ, object_)
        return known

    def readers(self, listeners: Listeners, conversation_id: str, through: int) -> list[SendBuffer]:
        """Return the streams that receive a conversation's messages.

        A stream that a policy refuses is notified once that the conversation is closed; one that
        may read it again is notified to fetch the messages it missed.

        Args:
            listeners: listeners of a member of the conversation.
            conversation_id: the conversation.
            through: the last change number that was delivered.
        """
        gate = listeners.gate
        if gate is None:
            return listeners.readers
        readers = gate.readers.get(conversation_id)
        if readers is not None and (not gate.minute or gate.minute == self._minute()):
            return readers
        if gate.minute:
            minute = self._minute()
            if gate.minute != minute:
                gate.minute = minute
                gate.readers.clear()
        readers = gate.readers[conversation_id] = self._decided(listeners, conversation_id, through)
        return readers

    def limited(
        self, listeners: Listeners, conversation_id: str, needs: frozenset[str]
    ) -> list[SendBuffer]:
        """Return the streams that receive only the numbers of facts with further needs.

        Args:
            listeners: of a member of the conversation.
            conversation_id: which.
            needs: permissions that the facts take beside reading messages.
        """
        about = Object(CONVERSATION, conversation_id)
        return [
            each.send_buffer
            for each in listeners
            if not needs <= each.permissions
            or any(
                self._access.policed(each.identity.tenant_id, permission)
                and not self._access.may(each.identity, permission, about)
                for permission in needs
            )
        ]

    def may_read(self, listener: Listener, conversation_id: str) -> bool:
        """Return whether a stream may know of a conversation that its person belongs to."""
        identity = listener.identity
        return READ in listener.permissions and (
            not self._access.policed(identity.tenant_id, READ)
            or self._access.may(identity, READ, Object(CONVERSATION, conversation_id))
        )

    def receivers(
        self, listeners: Listeners, envelope: Envelope, event: bytes
    ) -> list[tuple[SendBuffer, bytes]]:
        """Return the streams that receive a fact of the person's own topics, each with its bytes.

        Args:
            listeners: of the person.
            envelope: the fact.
            event: its bytes.
        """
        personal = PERSONAL.get(envelope.type)
        if personal is None:
            # The permission for facts of other kinds is unknown, so they go only to tokens without
            # scopes: interactive sessions, which have all of the person's permissions.
            unscoped = [each for each in listeners if not each.identity.scopes]
            return self._shown(unscoped, listeners, envelope, event)
        permission, fact = personal
        held = [each for each in listeners if permission in each.permissions]
        concerned = (permission, READ, TASKS) if permission == NOTIFICATIONS else (permission,)
        policed = any(self._access.policed(envelope.tenant_id, each) for each in concerned)
        scoped = permission == NOTIFICATIONS and any(each.identity.scopes for each in held)
        if not held or not (policed or scoped):
            return self._shown(held, listeners, envelope, event)
        try:
            needed = needs_of(permission, fact.FromString(envelope.fact))
        except DecodeError:
            log.warning("live.fact_unreadable", type=envelope.type)
            return []
        allowed = [
            each
            for each in held
            if not policed
            or all(self._access.may(_unscoped(each), every, about) for every, about in needed)
        ]
        return self._shown(allowed, listeners, envelope, event, needed)

    def _shown(
        self,
        receiving: Sequence[Listener],
        listeners: Listeners,
        envelope: Envelope,
        event: bytes,
        needed: Sequence[Need] = (),
    ) -> list[tuple[SendBuffer, bytes]]:
        """Return the event for each stream: without hidden columns, and content only by its scopes.

        `needed` are the permissions that the fact requires of each token; its own was checked.
        """
        if not receiving:
            return []
        if listeners.columns is not None:
            event = self._masked(receiving[0].identity, envelope, event)
        wordless = b""
        shown = []
        for each in receiving:
            if all(permission in each.permissions for permission, _ in needed):
                shown.append((each.send_buffer, event))
                continue
            wordless = wordless or without_words(event)
            shown.append((each.send_buffer, wordless))
        return shown

    def _masked(self, identity: Identity, envelope: Envelope, event: bytes) -> bytes:
        permission, fact = PERSONAL.get(envelope.type, (READ, None))
        needed: Sequence[Need] = ()
        kind = ""
        if fact is not None:
            parsed: Any = fact.FromString(envelope.fact)
            needed = needs_of(permission, parsed)
            kind = parsed.notification.source.kind if permission == NOTIFICATIONS else ""
        object_ = next((about for _, about in needed if about is not None), None)
        masks = self._access.masks(identity, permission, object_)
        if not masks:
            return event
        title, body = hidden_words(kind, masks)
        if title or body:
            event = without_words(event, title=title, body=body)
        return cleared(Envelope, event, masks)

    def _decided(
        self, listeners: Listeners, conversation_id: str, through: int
    ) -> list[SendBuffer]:
        verdicts: dict[tuple[bool, bool, frozenset[str]], bool] = {}
        readers = []
        for listener in listeners:
            if READ not in listener.permissions:
                continue
            identity = listener.identity
            key = (bool(identity.api_token_id), identity.second_factor, identity.scopes)
            allowed = verdicts.get(key)
            if allowed is None:
                allowed = verdicts[key] = self.may_read(listener, conversation_id)
            if allowed:
                if conversation_id in listener.refused:
                    listener.refused.discard(conversation_id)
                    _resync(listener, [conversation_id])
                readers.append(listener.send_buffer)
            elif conversation_id not in listener.refused:
                listener.refused.add(conversation_id)
                listener.send_buffer.put(wire.closed(conversation_id, change_no=through))
        return readers

    def _columns(self, identity: Identity, listeners: Listeners) -> None:
        tenant_id, person_id = identity.tenant_id, identity.person_id
        listeners.columns = (
            Columns(self._access.masked_until(tenant_id, person_id))
            if self._access.has_masks(tenant_id, person_id)
            else None
        )

    def _gate(self, tenant_id: str, listeners: Listeners) -> None:
        if not self._access.policed(tenant_id, READ):
            listeners.gate = None
            return
        listeners.gate = Gate()
        if self._access.timed(tenant_id, READ):
            listeners.gate.minute = self._minute()

    def _look(self, listener: Listener) -> None:
        listener.permissions = self._held(listener.identity)
        if listener.refused:
            # Some refused conversations may be allowed now: the client asks, and is answered.
            listener.refused.clear()
            _resync(listener, [])

    def _held(self, identity: Identity) -> frozenset[str]:
        access = self._access
        held = {each for each in _PERMISSIONS if access.grants(identity, each)}
        # Presence is about no single conversation.
        if (
            CONVERSATIONS in held
            and access.policed(identity.tenant_id, CONVERSATIONS)
            and not access.may(identity, CONVERSATIONS, None)
        ):
            held.discard(CONVERSATIONS)
        return frozenset(held)

    def _minute(self) -> int:
        return int(self._clock.now().timestamp() // _MINUTE)


def without_words(event: bytes, *, title: bool = True, body: bool = True) -> bytes:
    """Return the fact of a notification without title and body; clients fetch the allowed parts.

    Args:
        event: the serialized Envelope.
        title: whether the title is left out.
        body: whether the body is.
    """
    envelope = Envelope.FromString(event)
    fact: Any = PERSONAL[envelope.type][1].FromString(envelope.fact)
    if title:
        fact.notification.ClearField("title")
    if body:
        fact.notification.ClearField("body")
    envelope.fact = fact.SerializeToString()
    return envelope.SerializeToString()


def needs_of(permission: str, fact: Message) -> list[Need]:
    """Return the permissions that a personal fact requires, each with its object.

    A notification shows words of a message or of a task, and takes what reading those takes.
    """
    parsed: Any = fact
    if permission == NOTIFICATIONS:
        source = parsed.notification.source
        needed: list[Need] = [(NOTIFICATIONS, None)]
        if source.conversation_id:
            needed.append((READ, Object(CONVERSATION, source.conversation_id)))
        if source.kind == TASK:
            needed.append((TASKS, Object(TASK, source.id)))
        return needed
    holder = next((getattr(parsed, each) for each in _HOLDERS if each in _fields(fact)), parsed)
    return [(permission, Object(CONVERSATION, holder.conversation_id))]


def _fields(message: Message) -> Mapping[str, object]:
    return message.DESCRIPTOR.fields_by_name


def _unscoped(listener: Listener) -> Identity:
    """Return the identity for policies: scopes were decided by `Listener.permissions`."""
    return replace(listener.identity, scopes=frozenset())


def _resync(listener: Listener, conversation_ids: list[str]) -> None:
    RESYNCS.labels(ACCESS_CHANGED).inc()
    listener.send_buffer.put(wire.resync(conversation_ids, reason=ACCESS_CHANGED))
