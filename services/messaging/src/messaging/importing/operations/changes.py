"""Update of imported messages from a later export (MSG-19, GW-11)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from plexus.messaging.v1 import messages_pb2
from plexuskit.grpc import Actor
from plexuskit.mongo import Transaction
from plexuskit.timestamps import timestamp

from messaging.contract.events import IMPORT
from messaging.conversations.domain.people import department_versions
from messaging.importing.domain import changed_pair, followed_reactions
from messaging.importing.operations.entries import check_following
from messaging.importing.store.stores import Store
from messaging.log.domain.entries import EntryKind, Numbers
from messaging.log.operations.logs import Log
from messaging.log.store.entries import says_the_same
from messaging.messages.domain.messages import NewMessage, Reaction
from messaging.messages.domain.refusals import TooManyEdits
from messaging.messages.domain.states import MAX_EDITS, added_mentions, merged_reactions
from messaging.messages.events import states
from messaging.messages.events.messages import check_content, edited, reacted, recalled
from messaging.messages.operations.changes import (
    ChangeRequest,
    ImportedChange,
    MessageChange,
    Target,
    alter_message,
)
from messaging.messages.operations.messages import RECALLED_FIELDS
from messaging.messages.operations.recalls import finish_emptying
from messaging.messages.store.messages import mentioned_in, message_of


@dataclass(frozen=True, slots=True)
class Base:
    """A message in its state after the last import, without later changes by people here."""

    content_hash: bytes
    reactions: tuple[Reaction, ...]


async def base_of(store: Store, original: Mapping[str, Any]) -> Base:
    """Return the state of the last import for the message with this posted entry."""
    message = message_of({**original, "current": None})
    for entry in await store.messages.find_about(original["conversation_id"], original["seq"]):
        if entry["kind"] == EntryKind.EDITED.value and entry.get("origin") == IMPORT:
            message = states.message_in(bytes(entry["event"]))
    return Base(states.stored_hash(message), imported_reactions(original))


def imported_reactions(original: Mapping[str, Any]) -> tuple[Reaction, ...]:
    """Return the reactions that the last import had of the message with this posted entry."""
    later = original.get("imported_reactions")
    parts = (
        message_of({**original, "current": None})
        if later is None
        else messages_pb2.MessageParts.FromString(later)
    )
    return merged_reactions(Reaction(r.emoji, tuple(r.person_ids)) for r in parts.reactions)


def may_differ(original: Mapping[str, Any], new_message: NewMessage) -> bool:
    """Return whether an export may have a message otherwise than the last import.

    Decided on the posted entry alone; `follow_message` reads the rest.
    """
    if original.get("purged"):
        return False
    # If an import has edited a message since, its posted entry has the first text.
    if original.get("imported_edit") or not says_the_same(original, new_message.content_hash):
        return True
    given = () if new_message.imported is None else new_message.imported.reactions
    return changed_pair(imported_reactions(original), given) is not None


async def follow_message(
    log: Log[Store],
    *,
    actor: Actor,
    original: Mapping[str, Any],
    new_message: NewMessage,
    now: datetime,
) -> bool:
    """Update a message to match the export; return whether anything was written.

    Changes made here since the last import are kept, such as an edited text or a removed reaction.

    Raises:
        ImportClosed: people use the conversation, or its import was finished.
        TooManyEdits: the message has 20 versions.
        MessageTooLarge, FactTooLarge: the message would be too large with it.
        DependencyDown: the store failed, or concurrent writers won too often.
    """
    imported = new_message.imported
    if imported is None or original.get("purged"):
        return False
    base = await base_of(log.store, original)
    change = _Change(log, actor=actor, original=original, new_message=new_message, now=now)
    written = False
    if base.content_hash != new_message.content_hash:
        written = await (change.recall() if imported.deleted else change.edit(base))
    if not imported.deleted and changed_pair(base.reactions, imported.reactions) is not None:
        written = await change.react(base, imported.reactions) or written
    return written


class _Change:
    """The changes of one message by one import."""

    def __init__(
        self,
        log: Log[Store],
        *,
        actor: Actor,
        original: Mapping[str, Any],
        new_message: NewMessage,
        now: datetime,
    ) -> None:
        self._log = log
        self._actor = actor
        self._conversation_id = new_message.conversation_id
        self._seq = int(original["seq"])
        self._new_message = new_message
        self._now = now

    async def recall(self) -> bool:
        """Recall a message that was deleted in the other system (MSG-12)."""

        def decide(target: Target) -> MessageChange | None:
            if target.state.recalled:
                return None
            return MessageChange(
                kind=EntryKind.RECALLED,
                message=lambda numbers, at: states.recalled(
                    target.message, person_id=target.state.sender_id, numbers=numbers, at=at
                ),
                fact=recalled,
                fields=RECALLED_FIELDS,
                empties=True,
            )

        written = await self._alter(decide)
        if written:
            await finish_emptying(self._log.store, self._conversation_id, self._seq)
        return written

    async def edit(self, base: Base) -> bool:
        """Replace the text of a message by that of the export unless it was changed here."""
        after = self._new_message
        known = await self._log.store.people.find_departments(after.department_ids)

        def decide(target: Target) -> MessageChange | None:
            current = states.stored_hash(target.message)
            if target.state.recalled or current != base.content_hash:
                return None
            if target.state.version >= MAX_EDITS:
                raise TooManyEdits(limit=MAX_EDITS)
            departments = department_versions(
                after.department_ids, known, tenant_id=target.log_state.conversation.tenant_id
            )
            added = added_mentions(target.state, after)

            def reworded(numbers: Numbers, at: Timestamp) -> messages_pb2.Message:
                message = states.edited(
                    target.message, after, departments=departments, numbers=numbers, at=at
                )
                self._keep_time(message, target.message)
                check_content(states.without_parts(message))
                return message

            return MessageChange(
                kind=EntryKind.EDITED,
                message=reworded,
                fact=lambda message: edited(message, added, departments=departments),
                fields={"mentioned": mentioned_in(after) or None, "imported_edit": True},
            )

        return await self._alter(decide)

    async def react(self, base: Base, exported: tuple[Reaction, ...]) -> bool:
        """Add the reactions of the export to a message, and remove those that the export dropped.

        One fact carries all of them; it names the first that differs.
        """
        noted = messages_pb2.MessageParts()
        for reaction in merged_reactions(exported):
            noted.reactions.add(emoji=reaction.emoji, person_ids=reaction.person_ids)

        def decide(target: Target) -> MessageChange | None:
            current = target.state.reactions
            after = followed_reactions(current, base=base.reactions, exported=exported)
            pair = changed_pair(current, after)
            if target.state.recalled or pair is None:
                return None
            emoji, person_id, was_removed = pair
            return MessageChange(
                kind=EntryKind.REACTED,
                message=lambda numbers, _: states.with_reactions(
                    target.message, after, numbers=numbers
                ),
                fact=lambda message: reacted(
                    message, emoji=emoji, person_id=person_id, removed=was_removed
                ),
                fields={"imported_reactions": noted.SerializeToString()},
            )

        return await self._alter(decide)

    def _keep_time(self, message: messages_pb2.Message, previous: messages_pb2.Message) -> None:
        """Record the time of the edit in the export, not the time of the import."""
        imported = self._new_message.imported
        message.ClearField("edited_at")
        if imported is not None and imported.edited_at is not None:
            message.edited_at.CopyFrom(timestamp(imported.edited_at))
        elif previous.HasField("edited_at"):
            message.edited_at.CopyFrom(previous.edited_at)

    async def _alter(self, decide: Callable[[Target], MessageChange | None]) -> bool:
        """Carry out a decision; return whether anything was written."""
        changed: list[bool] = []

        def noting(target: Target) -> MessageChange | None:
            change = decide(target)
            changed[:] = [change is not None]
            return change

        async def check(tx: Transaction) -> None:
            await check_following(self._log.store, self._conversation_id, tx=tx)

        request = ChangeRequest(
            actor=self._actor,
            conversation_id=self._conversation_id,
            seq=self._seq,
            request=None,
            now=self._now,
        )
        await alter_message(self._log, request, noting, imports=ImportedChange(check))
        return changed == [True]
